#ifndef MNEME_SERVER_SESSION_PREFIX_INDEX_H_
#define MNEME_SERVER_SESSION_PREFIX_INDEX_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/node_hash_map.h"
#include "server/base/mutex.h"
#include "server/base/sha256.h"

namespace mneme {

class SequenceModel;
class Session;

// Names a value that any session of the tenant reaches with the same tokens. A
// digest tells the weights, the tokens and the step, but not what the model
// computes in: the model of a server does. A live value is that model's too.
struct PrefixKey {
  std::string tenant;
  const SequenceModel* model = nullptr;  // only compared
  Digest digest{};
  friend bool operator==(const PrefixKey&, const PrefixKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const PrefixKey& key) {
    return H::combine(std::move(hash), key.tenant, key.model, key.digest);
  }
};

// Which sessions applied a digest, so that a step is taken from one of them
// instead of being computed (segment_share.cc): the first of those that are
// still there, since it stays the longest if it is what others begin with, and
// the last, since it is the least likely to have let go of the value. They are
// hints, and owned by nobody here: who asks falls back on computing. Only
// sessions of a trusted lineage are ever added (SessionRecord::trusted).
//
// Bounded by the number of entries, the least recently added or found go first.
// An entry takes about 180 bytes, and the tenant's name where that is longer
// than 15. As long as there are entries of a session that was closed, they keep
// its sizeof(Session), some 450 bytes, too.
//
// Thread-safe; each call takes constant time, on any thread.
class PrefixIndex {
 public:
  // At most `entries`, at least 1.
  explicit PrefixIndex(int64_t entries) : limit_(entries) {}
  PrefixIndex(const PrefixIndex&) = delete;
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  int64_t limit() const { return limit_; }

  void Add(PrefixKey key, const std::shared_ptr<Session>& session)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Who may have it, none to two of them; the best one last.
  using Lenders = std::vector<std::shared_ptr<Session>>;
  Lenders Find(const PrefixKey& key) ABSL_LOCKS_EXCLUDED(mu_);
  // A session that Find gave does not have it.
  void Drop(const PrefixKey& key, const std::shared_ptr<Session>& session)
      ABSL_LOCKS_EXCLUDED(mu_);

  int64_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Order = std::list<const PrefixKey*>;  // the most recently used first
  struct Entry {
    std::weak_ptr<Session> first;
    std::weak_ptr<Session> last;
    Order::iterator at;
  };
  using Entries = absl::node_hash_map<PrefixKey, Entry>;  // keys stay in place

  void Remove(Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int64_t limit_;
  mutable Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);
  Order order_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_PREFIX_INDEX_H_
