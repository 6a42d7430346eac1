// Linked into every test that runs under AddressSanitizer.
//
// RocksDB 7.8 does not free the memtable that it made when the disk fails while
// it switches to it; seen in one of six power losses of one seed.
extern "C" const char* __lsan_default_suppressions();   // NOLINT
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:rocksdb::DBImpl::SwitchMemtable\n";
}
