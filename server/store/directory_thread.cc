#include "server/store/directory_thread.h"

#include <string>
#include <utility>
#include <vector>

#include "server/base/error_info.h"

namespace mneme {
namespace {

// In place of a directory of which too much is asked. Has no state.
class FullDirectory : public SharedDirectory {
 public:
  absl::StatusOr<std::vector<Entry>> Look(
      const std::vector<SessionKey>& /*sessions*/) override {
    return Full();
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& /*tenant*/,
                                                const std::string& /*after*/,
                                                size_t /*limit*/) override {
    return Full();
  }
  absl::StatusOr<std::vector<Due>> FindDue(size_t /*limit*/) override {
    return Full();
  }
  absl::Status AskLater(const std::vector<Later>& /*later*/) override {
    return Full();
  }
  absl::Status Forget(const Due& /*due*/,
                      const std::string& /*tombstone*/) override {
    return Full();
  }
  absl::Status Tell(const std::vector<Note>& /*notes*/) override {
    return Full();
  }
  absl::StatusOr<Heard> Hear(const std::string& /*after*/,
                             size_t /*limit*/) override {
    return Full();
  }

 private:
  static absl::Status Full() {
    ErrorInfo info;
    info.reason = "QUEUE_FULL";
    info.retry_after = absl::Seconds(1);
    return MakeError(absl::StatusCode::kResourceExhausted,
                     "too many calls wait for the shared store", info);
  }
};

}  // namespace

DirectoryThread::DirectoryThread(SharedDirectory* directory,
                                 size_t most_waiting)
    : directory_(directory), most_waiting_(most_waiting) {
  if (directory_ != nullptr) thread_ = std::thread([this] { Loop(); });
}

DirectoryThread::~DirectoryThread() { Stop(); }

void DirectoryThread::Ask(Question question) {
  if (Enqueue(&question)) return wake_.notify_one();
  FullDirectory full;
  std::move(question)(&full);
}

bool DirectoryThread::Enqueue(Question* question) {
  MutexLock lock(&mu_);
  if (questions_.size() >= most_waiting_) return false;
  questions_.push_back(std::move(*question));
  return true;
}

void DirectoryThread::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void DirectoryThread::Loop() {
  while (Question question = TakeNext()) std::move(question)(directory_);
}

DirectoryThread::Question DirectoryThread::TakeNext() {
  MutexLock lock(&mu_);
  while (questions_.empty() && !stopping_) lock.Wait(wake_);
  if (questions_.empty()) return nullptr;
  Question next = std::move(questions_.front());
  questions_.pop_front();
  return next;
}

}  // namespace mneme
