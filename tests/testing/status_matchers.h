#ifndef MNEME_TESTS_TESTING_STATUS_MATCHERS_H_
#define MNEME_TESTS_TESTING_STATUS_MATCHERS_H_

// Matchers for absl::Status and absl::StatusOr, with the names and meaning of
// Abseil's own (newer than the Abseil this project builds with).
//
//   EXPECT_THAT(store.Put(key, value), IsOk());
//   EXPECT_THAT(store.Get(key), IsOkAndHolds(value));
//   EXPECT_THAT(Parse(text), StatusIs(absl::StatusCode::kInvalidArgument,
//                                     HasSubstr("segment_size")));
//   ASSERT_OK_AND_ASSIGN(auto value, store.Get(key));

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace testing_internal {

inline const absl::Status& GetStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

template <typename StatusOrType>
class IsOkAndHoldsImpl : public ::testing::MatcherInterface<StatusOrType> {
 public:
  using Value = typename std::remove_cv_t<
      std::remove_reference_t<StatusOrType>>::value_type;

  template <typename InnerMatcher>
  explicit IsOkAndHoldsImpl(const InnerMatcher& inner)
      : inner_(::testing::SafeMatcherCast<const Value&>(inner)) {}

  void DescribeTo(std::ostream* os) const override {
    *os << "is OK and has a value that ";
    inner_.DescribeTo(os);
  }

  void DescribeNegationTo(std::ostream* os) const override {
    *os << "isn't OK or has a value that ";
    inner_.DescribeNegationTo(os);
  }

  bool MatchAndExplain(
      StatusOrType actual,
      ::testing::MatchResultListener* listener) const override {
    if (!actual.ok()) {
      *listener << "which has status " << actual.status();
      return false;
    }
    return inner_.MatchAndExplain(*actual, listener);
  }

 private:
  const ::testing::Matcher<const Value&> inner_;
};

template <typename InnerMatcher>
class IsOkAndHoldsMatcher {
 public:
  explicit IsOkAndHoldsMatcher(InnerMatcher inner) : inner_(std::move(inner)) {}

  template <typename StatusOrType>
  operator ::testing::Matcher<StatusOrType>() const {  // NOLINT
    return ::testing::Matcher<StatusOrType>(
        new IsOkAndHoldsImpl<const StatusOrType&>(inner_));
  }

 private:
  const InnerMatcher inner_;
};

}  // namespace testing_internal

MATCHER(IsOk, negation ? "isn't OK" : "is OK") {
  *result_listener << testing_internal::GetStatus(arg);
  return arg.ok();
}

MATCHER_P2(StatusIs, code, message,
           std::string(negation ? "hasn't" : "has") + " the status code " +
               absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message)) {
  const absl::Status& status = testing_internal::GetStatus(arg);
  *result_listener << "which has status " << status;
  return status.code() == code &&
         ::testing::Value(std::string(status.message()), message);
}

// Any message.
MATCHER_P(StatusIs, code,
          std::string(negation ? "hasn't" : "has") + " the status code " +
              absl::StatusCodeToString(code)) {
  const absl::Status& status = testing_internal::GetStatus(arg);
  *result_listener << "which has status " << status;
  return status.code() == code;
}

// Matches an absl::StatusOr<T> that is OK and whose value matches `inner`.
template <typename InnerMatcher>
testing_internal::IsOkAndHoldsMatcher<std::decay_t<InnerMatcher>> IsOkAndHolds(
    InnerMatcher&& inner) {
  return testing_internal::IsOkAndHoldsMatcher<std::decay_t<InnerMatcher>>(
      std::forward<InnerMatcher>(inner));
}

}  // namespace mneme

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::mneme::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::mneme::IsOk())

// Evaluates to the value of a StatusOr, or fails the test. One a source line.
#define ASSERT_OK_AND_ASSIGN(lhs, expression)                          \
  MNEME_ASSERT_OK_AND_ASSIGN_(MNEME_CONCAT_(mneme_or_, __LINE__), lhs, \
                              expression)
#define MNEME_ASSERT_OK_AND_ASSIGN_(var, lhs, expression) \
  auto var = (expression);                                \
  ASSERT_THAT(var, ::mneme::IsOk());                      \
  lhs = *std::move(var)

#endif  // MNEME_TESTS_TESTING_STATUS_MATCHERS_H_
