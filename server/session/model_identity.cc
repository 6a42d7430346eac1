#include "server/session/model_identity.h"

#include <set>
#include <utility>

#include "server/base/mutex.h"

namespace mneme {
namespace {

struct Pool {
  Mutex mu;
  std::set<ModelIdentity> identities ABSL_GUARDED_BY(mu);  // stay in place
};

}  // namespace

ModelIdentity IdentityOf(const ModelSpec& model) {
  return {model.name, model.fingerprint, model.numeric_mode, model.memory};
}

const ModelIdentity* Intern(ModelIdentity identity) {
  static Pool& pool = *new Pool;  // sessions may outlive statics
  MutexLock lock(&pool.mu);
  return &*pool.identities.insert(std::move(identity)).first;
}

}  // namespace mneme
