#ifndef MNEME_SERVER_STORE_SHARED_VALUES_H_
#define MNEME_SERVER_STORE_SHARED_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/store/memory_store.h"

namespace mneme {

struct FamilyKey {
  std::string tenant;
  Root root{};
  friend bool operator==(const FamilyKey&, const FamilyKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const FamilyKey& key) {
    return H::combine(std::move(hash), key.tenant, key.root);
  }
};

// Who holds what in families of more than one session: how many sessions each
// has, and how many of them hold each value. A family of one session is not
// here and costs nothing: what that session holds nobody else does. Never
// stored, since the records say the same; made of them when a store is opened.
//
// Changes may be taken back up to the last Keep(), for a write that fails. Used
// by one thread at a time; owned by a store.
class SharedValues {
 public:
  // A session of a family with more than one, as the store has it; nullopt: its
  // record is damaged, so nobody knows what it holds, and no value of the
  // family is let go before it is gone.
  void Load(const FamilyKey& family,
            const std::optional<std::vector<Digest>>& values);

  // A session that holds `values` is forked from one that holds
  // `parent_values`, `values` among them.
  void Join(const FamilyKey& family, const std::vector<Digest>& parent_values,
            const std::vector<Digest>& values);
  // A session of the family holds a value from now on; true: nobody did.
  bool Add(const FamilyKey& family, const Digest& value);
  // It lets go of one; true: nobody holds it any more.
  bool Drop(const FamilyKey& family, const Digest& value);
  // It is gone, after it let go of everything, or with a damaged record.
  void Leave(const FamilyKey& family);
  void LeaveDamaged(const FamilyKey& family);

  // Whether a session of a family of more than one is known to hold it.
  bool Holds(const FamilyKey& family, const Digest& value) const;
  // All that they are known to hold, in order; nullopt: some of them are
  // damaged.
  std::optional<std::vector<Digest>> Held(const FamilyKey& family) const;

  void Keep();
  void Revert();

 private:
  struct Family {
    int64_t sessions = 0;
    int64_t damaged = 0;  // of these
    absl::flat_hash_map<Digest, int64_t> holders;
  };
  struct Change {
    FamilyKey family;
    int64_t sessions = 0;
    Digest value{};
    int64_t holders = 0;
    int64_t damaged = 0;
  };

  void Do(const Change& change);
  // Families that have come down to one session need no counts.
  void ForgetSingles();

  absl::flat_hash_map<FamilyKey, Family> families_;
  std::vector<Change> changes_;  // since the last Keep()
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_SHARED_VALUES_H_
