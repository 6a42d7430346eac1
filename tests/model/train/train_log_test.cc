#include "model/train/train_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TrainLogEntry Entry(int64_t update) {
  TrainLogEntry entry;
  entry.update = update;
  entry.tokens = 1000 * update;
  entry.seconds = 2.0;
  entry.progress = 0.25;
  entry.bptt = 4;
  entry.rate = 0.001;
  entry.bits_per_byte = 1.5;
  entry.gradient_norm = 0.5;
  return entry;
}

TEST(TrainLogTest, ACsvLineHasAFieldForEachName) {
  TrainLogEntry entry = Entry(3);
  EXPECT_EQ(TrainLog::CsvLine(entry), "3,3000,2.00,4,0.001,1.50000,0.5,0,,");
  entry.valid_carry = 1.25;
  entry.valid_reset = 1.75;
  EXPECT_EQ(TrainLog::CsvLine(entry),
            "3,3000,2.00,4,0.001,1.50000,0.5,0,1.25000,1.75000");
}

TEST(TrainLogTest, TheProgressLineTellsSpeedLossAndTimeToGo) {
  const std::string line = TrainLog::ProgressLine(Entry(3), 1500);
  EXPECT_THAT(line, HasSubstr("25.0 %"));
  EXPECT_THAT(line, HasSubstr("1500 tokens/s"));
  EXPECT_THAT(line, HasSubstr("1.5000 bits/byte"));
  EXPECT_THAT(line, HasSubstr("ETA 0:00:06"));
}

TEST(TrainLogTest, AResumedRunDropsLinesAfterItsCheckpoint) {
  const TempFolder folder;
  const std::string path = folder.File("train.csv");
  {
    ASSERT_OK_AND_ASSIGN(const auto log, TrainLog::Create(path, 0));
    for (const int64_t update : {10, 20, 30}) {
      ASSERT_OK(log->Add(Entry(update), 1.0));
    }
  }
  ASSERT_OK_AND_ASSIGN(const auto log, TrainLog::Create(path, 20));
  ASSERT_OK(log->Add(Entry(40), 1.0));
  EXPECT_EQ(folder.Read("train.csv"), TrainLog::CsvHeader() + "\n" +
                                          TrainLog::CsvLine(Entry(10)) + "\n" +
                                          TrainLog::CsvLine(Entry(20)) + "\n" +
                                          TrainLog::CsvLine(Entry(40)) + "\n");
}

TEST(TrainLogTest, NamesAFileThatCannotBeWritten) {
  EXPECT_THAT(TrainLog::Create("/no/such/folder/train.csv", 0),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("/no/such/folder/train.csv")));
}

}  // namespace
}  // namespace mneme
