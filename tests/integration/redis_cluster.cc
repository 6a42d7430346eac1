#include "tests/integration/redis_cluster.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/eventually.h"
#include "tests/testing/free_port.h"

namespace mneme {
namespace {

constexpr size_t kNodes = 3;
constexpr size_t kSlots = 16384;

std::unique_ptr<RedisServer> StartNode(int port, int bus) {
  return std::make_unique<RedisServer>(std::vector<std::string>{
      "--port", absl::StrCat(port), "--cluster-enabled", "yes",
      "--cluster-port", absl::StrCat(bus), "--cluster-node-timeout", "2000",
      "--cluster-require-full-coverage", "no"});
}

}  // namespace

RedisCluster::RedisCluster() : owners_(kSlots) {
  for (size_t i = 0; i < kNodes; ++i) Join(i);
  EXPECT_TRUE(Eventually([this] { return IsUp(); }));
}

void RedisCluster::Join(size_t index) {
  ports_.push_back(FreePort());
  const int bus = FreePort();
  nodes_.push_back(StartNode(ports_.back(), bus));
  const size_t first = kSlots * index / kNodes;
  const size_t end = kSlots * (index + 1) / kNodes;
  std::fill(owners_.begin() + static_cast<ptrdiff_t>(first),
            owners_.begin() + static_cast<ptrdiff_t>(end), index);
  RedisServer& node = *nodes_.back();
  node.Run({"CLUSTER", "SET-CONFIG-EPOCH", absl::StrCat(index + 1)});
  node.Run(
      {"CLUSTER", "ADDSLOTSRANGE", absl::StrCat(first), absl::StrCat(end - 1)});
  if (index == 0) return;
  nodes_[0]->Run({"CLUSTER", "MEET", "127.0.0.1", absl::StrCat(ports_.back()),
                  absl::StrCat(bus)});
}

bool RedisCluster::IsUp() {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return absl::StrContains(node->Run({"CLUSTER", "INFO"}).text,
                             "cluster_state:ok") &&
           node->Run({"CLUSTER", "SLOTS"}).list.size() == kNodes;
  });
}

std::string RedisCluster::IdOf(size_t index) {
  return nodes_[index]->Run({"CLUSTER", "MYID"}).text;
}

int RedisCluster::SlotOf(const std::string& key) {
  return static_cast<int>(nodes_[0]->Run({"CLUSTER", "KEYSLOT", key}).integer);
}

size_t RedisCluster::NodeOf(const std::string& key) {
  return owners_[static_cast<size_t>(SlotOf(key))];
}

std::vector<int> RedisCluster::UsedSlots(size_t index, size_t limit) {
  std::set<int> slots;
  for (const RedisReply& key : nodes_[index]->Run({"KEYS", "*"}).list) {
    if (slots.size() < limit) slots.insert(SlotOf(key.text));
  }
  return {slots.begin(), slots.end()};
}

void RedisCluster::MoveSlot(int slot) {
  size_t& owner = owners_[static_cast<size_t>(slot)];
  const size_t next = (owner + 1) % kNodes;
  RedisServer& from = *nodes_[owner];
  RedisServer& to = *nodes_[next];
  const std::string number = absl::StrCat(slot);
  to.Run({"CLUSTER", "SETSLOT", number, "IMPORTING", IdOf(owner)});
  from.Run({"CLUSTER", "SETSLOT", number, "MIGRATING", IdOf(next)});
  RedisReply keys;
  const RedisCommand find = {"CLUSTER", "GETKEYSINSLOT", number, "100"};
  while (keys = from.Run(find), !keys.list.empty()) {
    for (const RedisReply& key : keys.list) {
      const RedisReply moved =
          from.Run({"MIGRATE", "127.0.0.1", absl::StrCat(ports_[next]),
                    key.text, "0", "5000"});
      ASSERT_NE(moved.kind, RedisReply::Kind::kError) << moved.text;
    }
  }
  to.Run({"CLUSTER", "SETSLOT", number, "NODE", IdOf(next)});
  from.Run({"CLUSTER", "SETSLOT", number, "NODE", IdOf(next)});
  owner = next;
}

}  // namespace mneme
