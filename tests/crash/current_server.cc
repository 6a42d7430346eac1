#include "tests/crash/current_server.h"

namespace mneme {

std::shared_ptr<grpc::Channel> CurrentServer::Connect(
    const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

void CurrentServer::Announce(const std::string& address) {
  MutexLock lock(&mu_);
  channel_ = Connect(address);
  ++generation_;
  ended_ = false;
  changed_.notify_all();
}

void CurrentServer::Ended() {
  MutexLock lock(&mu_);
  ended_ = true;
  changed_.notify_all();
}

void CurrentServer::Stop() {
  MutexLock lock(&mu_);
  stopped_ = true;
  changed_.notify_all();
}

bool CurrentServer::AwaitAnswers(int64_t more) {
  MutexLock lock(&mu_);
  const int64_t target = answers_ + more;
  while (answers_ < target && !ended_ && !stopped_) lock.Wait(changed_);
  return answers_ >= target;
}

std::shared_ptr<grpc::Channel> CurrentServer::After(int* generation) {
  MutexLock lock(&mu_);
  while (generation_ <= *generation && !stopped_) lock.Wait(changed_);
  if (stopped_) return nullptr;
  *generation = generation_;
  return channel_;
}

void CurrentServer::Answered() {
  MutexLock lock(&mu_);
  ++answers_;
  changed_.notify_all();
}

bool CurrentServer::stopped() const {
  MutexLock lock(&mu_);
  return stopped_;
}

}  // namespace mneme
