#include "server/session/session_record.h"

#include <nlohmann/json.hpp>

#include "server/session/tombstones.h"
#include "server/store/entry_format.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

StoredRecord Encode(const SessionRecord& record) {
  return ToStored({"tenant", "s"}, Durability::kSync, record);
}

absl::StatusOr<SessionRecord> DecodeWith(std::string bytes,
                                         const SessionRecord& record) {
  StoredRecord stored = Encode(record);
  stored.bytes = std::move(bytes);
  return FromStored(stored);
}

SessionRecord Example() {
  SessionRecord record;
  record.root.fill(5);
  ModelIdentity model;
  model.name = "wiki";
  model.fingerprint.fill(7);
  model.numeric_mode = "float32";
  model.memory = {{"memory", DType::kFloat32, {16, 340}},
                  {"last_hidden", DType::kBFloat16, {340}}};
  record.model = Intern(std::move(model));
  record.policy = MemoryPolicy::kReset;
  record.retained = {{{7, {}}, 0}, {{41, {}}, 100}, {{42, {}}, 70000}};
  record.retained[1].digest.fill(9);
  SetMessageStarts({41, 7}, &record);
  record.first_reply = 8;
  record.retained[1].pinned = 1;
  record.trusted = false;
  record.created = absl::FromUnixMicros(1'700'000'000'000'001);
  record.last_used = absl::FromUnixMicros(1'700'000'000'000'002);
  return record;
}

TEST(SessionRecordTest, DecodesWhatWasEncoded) {
  const SessionRecord record = Example();
  ASSERT_OK_AND_ASSIGN(const SessionRecord back, FromStored(Encode(record)));
  EXPECT_EQ(back.root, record.root);
  EXPECT_EQ(back.first_reply, record.first_reply);
  EXPECT_THAT(PinnedSteps(back), ::testing::ElementsAre(41));
  EXPECT_FALSE(back.trusted);
  EXPECT_EQ(back.model, record.model);
  EXPECT_EQ(back.policy, record.policy);
  EXPECT_EQ(back.retained, record.retained);
  ASSERT_EQ(back.model->memory.size(), 2u);
  EXPECT_EQ(back.model->memory[1].name, "last_hidden");
  EXPECT_EQ(back.model->memory[1].dtype, DType::kBFloat16);
  EXPECT_EQ(back.created, record.created);
  EXPECT_EQ(back.last_used, record.last_used);
}

TEST(SessionRecordTest, EveryTruncationIsDataLossNotACrash) {
  const std::string bytes = Encode(Example()).bytes;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodeWith(bytes.substr(0, size), Example()),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(SessionRecordTest, EveryFlippedByteIsReadOrRefused) {
  const std::string bytes = Encode(Example()).bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x5a);
    const auto record = DecodeWith(flipped, Example());
    if (record.ok()) {
      EXPECT_FALSE(record->retained.empty());
    }
  }
}

TEST(SessionRecordTest, StepsThatDoNotAscendAreDataLoss) {
  SessionRecord record = Example();
  std::swap(record.retained[0], record.retained[1]);
  EXPECT_THAT(FromStored(Encode(record)),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(SessionRecordTest, TheInitialValueHasItsDigestInTheRecord) {
  SessionRecord record = Example();
  record.retained.insert(record.retained.begin(), {{0, {3}}, 0});
  record.first_reply = 1;
  EXPECT_EQ(Encode(record).values.size(), 3u);
  ASSERT_OK_AND_ASSIGN(const SessionRecord back, FromStored(Encode(record)));
  EXPECT_EQ(back.retained, record.retained);
}

TEST(SessionRecordTest, WhatTheStoreSaysOtherwiseIsDataLoss) {
  const StoredRecord whole = Encode(Example());
  const auto expect_loss = [](const StoredRecord& stored) {
    EXPECT_THAT(FromStored(stored), StatusIs(absl::StatusCode::kDataLoss));
  };
  StoredRecord stored = whole;
  stored.values.pop_back();
  expect_loss(stored);
  stored = whole;
  stored.head.fill(77);
  expect_loss(stored);
  stored = whole;
  stored.replies.end++;
  expect_loss(stored);
  stored = whole;
  stored.replies.first = 7;
  expect_loss(stored);
}

TEST(SessionRecordTest, FindsAStepAmongTheRetained) {
  const SessionRecord record = Example();
  EXPECT_EQ(FindStep(record.retained, 41), &record.retained[1]);
  EXPECT_EQ(FindStep(record.retained, 8), nullptr);
  EXPECT_EQ(FindStep(record.retained, 43), nullptr);
}

TEST(SessionRecordTest, FindsTheNewestUpToAStep) {
  const SessionRecord record = Example();
  EXPECT_EQ(NewestUpTo(record.retained, 7).step, 7u);
  EXPECT_EQ(NewestUpTo(record.retained, 40).step, 7u);
  EXPECT_EQ(NewestUpTo(record.retained, 41).step, 41u);
  EXPECT_EQ(NewestUpTo(record.retained, 99).step, 42u);
}

TEST(SessionRecordTest, FieldsThatAreMissingOrOfAnotherTypeAreDataLoss) {
  const auto whole = nlohmann::json::from_cbor(Encode(Example()).bytes);
  const auto expect_loss = [](const nlohmann::json& changed) {
    std::string bytes;
    nlohmann::json::to_cbor(changed, bytes);
    EXPECT_THAT(DecodeWith(bytes, Example()),
                StatusIs(absl::StatusCode::kDataLoss));
  };
  for (const nlohmann::json& other :
       {nlohmann::json(), nlohmann::json(7), nlohmann::json({{"a", 1}}),
        nlohmann::json::array({"x", 1, nullptr})}) {
    for (const char* field : {"m", "v"}) {
      nlohmann::json changed = whole;
      changed[field] = other;
      expect_loss(changed);
    }
    for (size_t part = 0; part < whole["m"].size(); ++part) {
      nlohmann::json changed = whole;
      changed["m"][part] = other;
      expect_loss(changed);
    }
  }
}

TEST(SessionRecordTest, ARecordWithoutItsNumbersIsDataLossNotExpired) {
  auto json = nlohmann::json::from_cbor(Encode(Example()).bytes);
  std::vector<uint8_t> numbers = json["v"].get_binary();
  while (!numbers.empty()) {
    numbers.pop_back();
    json["v"] = nlohmann::json::binary(numbers);
    std::string bytes;
    nlohmann::json::to_cbor(json, bytes);
    EXPECT_THAT(DecodeWith(bytes, Example()),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

// What a session costs in the store beside its values and its kept replies.
TEST(SessionRecordTest, AUsualSessionCostsFewBytes) {
  SessionRecord record;
  record.model = Intern({"wiki-rmt",
                         {},
                         "float32",
                         {{"memory", DType::kFloat32, {16, 320}},
                          {"last_hidden", DType::kFloat32, {320}}}});
  for (uint64_t step = 1'000'000; step <= 1'000'008; ++step) {
    record.retained.push_back({{step, {}}, 200});
    record.retained.back().digest.fill(static_cast<uint8_t>(step));
    record.retained.back().SetMessage(
        step == 1'000'008 ? 0 : static_cast<uint32_t>(step - 999'999));
  }
  record.first_reply = 1'000'001;
  record.created = absl::FromUnixMicros(1'700'000'000'000'001);
  record.last_used = record.created;
  const StoredRecord stored =
      ToStored({"default", std::string(32, 'f')}, Durability::kSync, record);
  size_t bytes = RecordEntryKey(stored.session, stored.root).size() +
                 FrameHeader("", "").size() + EncodeStoredRecord(stored).size();
  for (const Digest& value : stored.values) {
    bytes += EntryKey(ValueKey{"default", stored.root, value}).size() +
             FrameHeader("", "").size();
  }
  RecordProperty("bytes", static_cast<int>(bytes));
  // As written: files share what keys have in common (make bench measures it).
  EXPECT_LE(bytes, 1050u);
}

TEST(SessionRecordTest, ALengthThatNoMemoryCouldHoldIsCorrupt) {
  StoredRecord stored;
  stored.bytes = std::string("\x9b") + std::string(8, '\xff');
  EXPECT_THAT(FromStored(stored), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeTombstone(stored.bytes),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(SessionRecordTest, ANewerFormatIsRefusedByItsNumber) {
  auto json = nlohmann::json::from_cbor(Encode(Example()).bytes);
  json["format"] = 99;
  std::string bytes;
  nlohmann::json::to_cbor(json, bytes);
  EXPECT_THAT(DecodeWith(bytes, Example()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       ::testing::HasSubstr("format 99")));
}

}  // namespace
}  // namespace mneme
