#include "server/store/directory_thread.h"

#include <utility>

namespace mneme {

DirectoryThread::DirectoryThread(SharedDirectory* directory)
    : directory_(directory) {
  if (directory_ != nullptr) thread_ = std::thread([this] { Loop(); });
}

DirectoryThread::~DirectoryThread() { Stop(); }

void DirectoryThread::Ask(Question question) {
  {
    MutexLock lock(&mu_);
    questions_.push_back(std::move(question));
  }
  wake_.notify_one();
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
