#ifndef MNEME_TESTS_INTEGRATION_REDIS_CLUSTER_H_
#define MNEME_TESTS_INTEGRATION_REDIS_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/server/store/redis_server.h"

namespace mneme {

// A Redis Cluster of three nodes without replicas, as deploy/envoy/README.md
// wants them. Used by one thread, while others use the cluster.
class RedisCluster {
 public:
  // Returns when all nodes know who has which slot.
  RedisCluster();

  // Where the nodes listen.
  const std::vector<int>& ports() const { return ports_; }
  RedisServer& node(size_t index) { return *nodes_[index]; }

  // Slots of node `index` that hold something; `limit` at most.
  std::vector<int> UsedSlots(size_t index, size_t limit);
  // The index of the node that has the key.
  size_t NodeOf(const std::string& key);
  // Moves a slot, and all that is in it, to the next node.
  void MoveSlot(int slot);

 private:
  void Join(size_t index);
  int SlotOf(const std::string& key);
  bool IsUp();
  std::string IdOf(size_t index);

  std::vector<int> ports_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<size_t> owners_;  // of each slot
};

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_REDIS_CLUSTER_H_
