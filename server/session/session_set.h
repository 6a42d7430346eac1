#ifndef MNEME_SERVER_SESSION_SESSION_SET_H_
#define MNEME_SERVER_SESSION_SESSION_SET_H_

#include <memory>

#include "absl/container/btree_set.h"
#include "server/session/session.h"
#include "server/store/memory_store.h"

namespace mneme {

// Orders sessions by their keys, which never change, and finds them by key.
struct SessionOrder {
  using is_transparent = void;
  static const SessionKey& Key(const SessionKey& key) { return key; }
  static const SessionKey& Key(const std::shared_ptr<Session>& session) {
    return session->key();
  }
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return Key(a) < Key(b);
  }
};

// Sessions, each key once; none is null. Some 20 bytes a session. Insertion and
// removal move other sessions' pointers, so they invalidate iterators.
using SessionSet = absl::btree_set<std::shared_ptr<Session>, SessionOrder>;

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_SET_H_
