#include "server/observe/rpc_counts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::SizeIs;

int64_t Calls(const RpcCounts& counts, const std::string& method,
              absl::StatusCode code) {
  for (const RpcCounts::Count& count : counts.Read()) {
    if (count.method == method && count.code == code) return count.calls;
  }
  return -1;
}

TEST(RpcCountsTest, CountsByMethodAndStatus) {
  RpcCounts counts;
  counts.Add(RpcMethod::kGetModel, absl::StatusCode::kNotFound);
  counts.Add(RpcMethod::kGetModel, absl::StatusCode::kNotFound);
  counts.Add(RpcMethod::kStream, absl::StatusCode::kOk);
  EXPECT_EQ(Calls(counts, "Models.Get", absl::StatusCode::kNotFound), 2);
  EXPECT_EQ(Calls(counts, "Segments.Stream", absl::StatusCode::kOk), 1);
  EXPECT_EQ(Calls(counts, "Sessions.Open", absl::StatusCode::kOk), 0);
  EXPECT_EQ(Calls(counts, "Sessions.Open", absl::StatusCode::kNotFound), -1);
}

TEST(RpcCountsTest, ACodeThatIsNoneIsUnknown) {
  RpcCounts counts;
  counts.Add(RpcMethod::kProcess, static_cast<absl::StatusCode>(99));
  EXPECT_EQ(Calls(counts, "Segments.Process", absl::StatusCode::kUnknown), 1);
  EXPECT_THAT(counts.Read(), SizeIs(15));
}

}  // namespace
}  // namespace mneme
