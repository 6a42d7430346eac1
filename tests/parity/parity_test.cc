#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

// One session of a golden run: row `row` of its batch.
struct Session {
  size_t row = 0;
  size_t next_segment = 0;
  MemoryRef memory;
};

// Runs every case folder; the model is loaded once a test.
class ParityTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(golden_, ReadGoldenCase(GetParam()));
    if (!golden_.built) {
      std::printf("%s: skipped: family \"%s\" is not built yet\n",
                  Name().c_str(), golden_.architecture.c_str());
      GTEST_SKIP() << "family \"" << golden_.architecture
                   << "\" is not built yet";
    }
    ASSERT_OK_AND_ASSIGN(
        model_, LoadModel(GetParam(),
                          {.device = TestDevice(), .precision = "float32"}));
    for (size_t row = 0; row < golden_.rows(); ++row) {
      sessions_.push_back({row, 0, model_->InitialMemory()});
    }
    for (const auto& [name, tensor] : golden_.segments[0].results) {
      if (model_->spec().FindOutput(name) != nullptr) {
        request_.names.push_back(name);
      }
    }
  }

  std::string Name() const {
    return std::filesystem::path(GetParam()).filename().string();
  }

  StepRow RowOf(const Session& session) const {
    StepRow row;
    row.tokens = golden_.segments[session.next_segment].tokens[session.row];
    row.memory = session.memory;
    row.fresh = session.next_segment == 0;
    row.request = &request_;
    return row;
  }

  // Compares everything that the reference returned for this segment.
  void Compare(const Session& session, const StepResult& result) {
    const GoldenSegment& segment = golden_.segments[session.next_segment];
    ASSERT_OK_AND_ASSIGN(const auto bytes, model_->Save({&result.memory, 1}));
    const auto memory = MemoryTensors(model_->spec(), bytes[0]);
    for (const auto& [name, reference] : segment.results) {
      const auto output = std::find_if(
          result.outputs.begin(), result.outputs.end(),
          [&name = name](const HostTensor& t) { return t.name == name; });
      if (output != result.outputs.end()) {
        differences_.Compare(name, reference, session.row,
                             Floats(output->data));
      } else {
        ASSERT_TRUE(memory.count(name)) << "nothing is called " << name;
        differences_.Compare(name, reference, session.row, memory.at(name));
      }
    }
  }

  // One step of the given sessions, and of rows that have nothing to do with
  // the golden run.
  void StepAndCompare(const std::vector<Session*>& batch,
                      const std::vector<StepRow>& strangers = {}) {
    std::vector<StepRow> rows = strangers;
    for (const Session* session : batch) rows.push_back(RowOf(*session));
    ASSERT_OK_AND_ASSIGN(const auto results, model_->Step(rows));
    for (size_t i = 0; i < batch.size(); ++i) {
      const StepResult& result = results[strangers.size() + i];
      Compare(*batch[i], result);
      batch[i]->memory = result.memory;
      ++batch[i]->next_segment;
    }
  }

  GoldenCase golden_;
  std::unique_ptr<SequenceModel> model_;
  std::vector<Session> sessions_;
  OutputRequest request_;
  Differences differences_;
};

TEST_P(ParityTest, AgreesWithTheReference) {
  for (size_t segment = 0; segment < golden_.segments.size(); ++segment) {
    std::vector<Session*> batch;
    for (Session& session : sessions_) batch.push_back(&session);
    StepAndCompare(batch);
  }
  EXPECT_TRUE(differences_.Report(Name()));
}

TEST_P(ParityTest, AgreesInMixedBatches) {
  const std::vector<int32_t> strange = {5, 4, 3, 2, 1, 0};
  const size_t last = golden_.segments.size() + sessions_.size() - 1;
  for (size_t tick = 0; tick < last; ++tick) {
    std::vector<Session*> batch;
    for (Session& session : sessions_) {
      // Session r starts r ticks late, so ages and lengths differ.
      const bool started = session.row <= tick;
      if (started && session.next_segment < golden_.segments.size()) {
        batch.push_back(&session);
      }
    }
    StepRow stranger;
    stranger.tokens = absl::MakeConstSpan(strange).subspan(0, 1 + tick % 6);
    stranger.memory = sessions_[tick % sessions_.size()].memory;
    StepAndCompare(batch, {stranger, stranger});
  }
  EXPECT_TRUE(differences_.Report(Name() + " mixed"));
}

TEST(ParityFoldersTest, ThereAreCases) {
  EXPECT_FALSE(GoldenFolders().empty());
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ParityTest);
INSTANTIATE_TEST_SUITE_P(Golden, ParityTest,
                         ::testing::ValuesIn(GoldenFolders()), GoldenTestName);

}  // namespace
}  // namespace mneme
