#ifndef MNEME_SERVER_BASE_STATUS_MACROS_H_
#define MNEME_SERVER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Return early from a function that returns absl::Status or absl::StatusOr.
// The semantics are those of Abseil's macros of the same names (newer than the
// Abseil this project builds with), so that they can replace these. One
// ASSIGN_OR_RETURN a source line.
#define RETURN_IF_ERROR(expr)                      \
  do {                                             \
    absl::Status mneme_status_ = (expr);           \
    if (!mneme_status_.ok()) return mneme_status_; \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expr) \
  MNEME_ASSIGN_OR_RETURN_(MNEME_CONCAT_(mneme_or_, __LINE__), lhs, expr)

#define MNEME_CONCAT_INNER_(a, b) a##b
#define MNEME_CONCAT_(a, b) MNEME_CONCAT_INNER_(a, b)
#define MNEME_ASSIGN_OR_RETURN_(var, lhs, expr)  \
  auto var = (expr);                             \
  if (!var.ok()) return std::move(var).status(); \
  lhs = *std::move(var)

#endif  // MNEME_SERVER_BASE_STATUS_MACROS_H_
