#include "tests/crash/committer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "server/store/rocksdb_store.h"
#include "server/store/store_writer.h"
#include "tests/crash/stored_steps.h"
#include "tests/server/store/store_builders.h"

namespace mneme {
namespace {

constexpr int kSessions = 4;

void Fail(const absl::Status& status) {
  fprintf(stderr, "committer: %s\n", status.ToString().c_str());
  _exit(1);
}

void CommitOn(StoreWriter* writer, const SessionKey& session, int step) {
  writer->Submit(StepCommit(session, step), [writer, session,
                                             step](absl::Status status) {
    if (!status.ok()) Fail(status);
    const std::string line = absl::StrCat(session.session_id, " ", step, "\n");
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) {
      _exit(2);
    }
    CommitOn(writer, session, step + 1);
  });
}

}  // namespace

int CommitUntilKilled(const std::string& path) {
  RocksDbStore::Options options;
  options.write_buffer_bytes = 256 << 10;
  const auto store = RocksDbStore::Open(path, options);
  if (!store.ok()) Fail(store.status());
  const auto steps = ReadStoredSteps(store->get());
  if (!steps.ok()) Fail(steps.status());
  StoreWriter writer(store->get());
  for (int i = 0; i < kSessions; ++i) {
    const SessionKey session = Session(absl::StrCat("s", i));
    const auto it = steps->find(session.session_id);
    CommitOn(&writer, session, it == steps->end() ? 0 : it->second + 1);
  }
  while (true) pause();
}

}  // namespace mneme
