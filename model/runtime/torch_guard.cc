#include "model/runtime/torch_guard.h"

#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mneme {

absl::Status StatusOfException() {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("device out of memory: ", error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (absl::StrContains(what, "not enough memory") ||
        absl::StrContains(what, "can't allocate memory")) {
      return absl::ResourceExhaustedError(what);
    }
    return absl::InternalError(absl::StrCat("LibTorch: ", what));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace mneme
