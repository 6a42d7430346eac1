#include "server/server.h"

#include <prometheus/metric_family.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/load_model.h"
#include "server/base/status_macros.h"
#include "server/store/make_store.h"

namespace mneme {
namespace {

// Of the time to drain, this much is for telling those who still wait.
constexpr absl::Duration kCutOffTime = absl::Seconds(1);
// For the last bytes to reach their readers, and for calls that nobody waits
// for, such as a health watch.
constexpr absl::Duration kLastCalls = absl::Milliseconds(100);

ModelOptions OptionsOf(const Config& config) {
  ModelOptions options;
  options.device = config.device;
  options.precision = config.precision;
  options.cpu_threads = config.cpu_threads;
  return options;
}

double TenantPart(const Config& config) {
  return static_cast<double>(config.queue_tenant_percent) / 100;
}

SessionLimits LimitsOf(const Config& config) {
  SessionLimits limits;
  limits.retention.values = config.retain;
  limits.retention.messages = config.retain_messages;
  limits.kept_reply_bytes = config.kept_reply_bytes;
  // Records keep whole microseconds.
  const absl::Duration least = absl::Microseconds(1);
  if (config.idle_ttl > absl::ZeroDuration()) {
    limits.ttl.idle = std::max(config.idle_ttl, least);
  }
  if (config.max_age > absl::ZeroDuration()) {
    limits.ttl.max_age = std::max(config.max_age, least);
  }
  limits.tombstones.keep = config.tombstone_ttl;
  limits.takeover_wait = config.takeover_wait;
  limits.queue_per_session = config.queue_per_session;
  limits.queue_total = config.queue_total;
  limits.tenant_part = TenantPart(config);
  limits.sessions = config.max_sessions;
  if (config.evict_unused > absl::ZeroDuration()) {
    limits.evict_unused = config.evict_unused;
  }
  return limits;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Config& config) {
  return Create(config, Parts());
}

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Config& config,
                                                       Parts parts) {
  auto server = absl::WrapUnique(new Server(config, std::move(parts)));
  RETURN_IF_ERROR(server->LoadModels());
  RETURN_IF_ERROR(server->OpenStore());
  RETURN_IF_ERROR(server->StartSessions());
  RETURN_IF_ERROR(server->Listen());
  return server;
}

Server::Server(const Config& config, Parts parts)
    : config_(config),
      clock_(parts.clock),
      given_models_(std::move(parts.models)),
      store_(std::move(parts.store)),
      metrics_(std::make_shared<Metrics>(Version())),
      bytes_(config.queue_bytes) {}

Server::~Server() {
  MutexLock lock(&mu_);
  serving_ = nullptr;
}

absl::Status Server::LoadModels() {
  for (auto& model : given_models_) {
    RETURN_IF_ERROR(AddModel(std::move(model), "given"));
  }
  given_models_.clear();
  for (const std::string& folder : config_.models) {
    ASSIGN_OR_RETURN(auto model, LoadModel(folder, OptionsOf(config_)));
    RETURN_IF_ERROR(AddModel(std::move(model), folder));
  }
  return absl::OkStatus();
}

absl::Status Server::AddModel(std::unique_ptr<SequenceModel> model,
                              const std::string& source) {
  const ModelSpec& spec = model->spec();
  if (models_.contains(spec.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--model ", source, ": there is a model named '",
                     spec.name, "' already; set \"name\" in its config.json"));
  }
  spdlog::info("model '{}' from {}: {}, segments of {}, memory of {} bytes, {}",
               spec.name, source, spec.architecture, spec.segment_size,
               spec.memory_bytes(), spec.numeric_mode);
  metrics_->AddModel(spec);
  std::string name = spec.name;
  models_.emplace(std::move(name), std::move(model));
  return absl::OkStatus();
}

absl::Status Server::OpenStore() {
  if (store_ == nullptr) {
    StoreOptions options;
    options.async_window = config_.async_window;
    options.redis_replicas = static_cast<int>(config_.redis_replicas);
    options.redis_proxy = config_.redis_proxy;
    options.redis_lease = config_.redis_lease;
    options.clock = clock_;
    ASSIGN_OR_RETURN(store_, MakeStore(config_.store, options));
  }
  StoreWriter::Options options;
  options.clock = clock_;
  options.on_health = [this](const absl::Status& s) { OnStoreHealth(s); };
  writer_ = std::make_unique<StoreWriter>(store_.get(), options);
  return absl::OkStatus();
}

absl::Status Server::StartSessions() {
  Scheduler::Options options;
  options.batch.max_rows = config_.max_batch;
  options.max_waiting = config_.queue_total;
  options.max_tenant_part = TenantPart(config_);
  options.tenant_weights = {config_.tenant_weights.begin(),
                            config_.tenant_weights.end()};
  scheduler_ = std::make_unique<Scheduler>(options, clock_, metrics_.get());
  SessionContext context;
  context.clock = clock_;
  context.scheduler = scheduler_.get();
  context.writer = writer_.get();
  context.observer = metrics_.get();
  tiers_ = std::make_unique<MemoryTiers>(MemoryTiers::Limits{
      config_.device_memory_bytes, config_.host_memory_bytes});
  context.tiers = tiers_.get();
  if (config_.prefix_index > 0) {
    prefixes_ = std::make_unique<PrefixIndex>(config_.prefix_index);
  }
  context.prefixes = prefixes_.get();
  context.limits = LimitsOf(config_);
  context.export_key = config_.export_key;
  std::map<std::string, SequenceModel*> models;
  for (const auto& [name, model] : models_) models[name] = model.get();
  manager_ = std::make_unique<SessionManager>(context, std::move(models));
  ASSIGN_OR_RETURN(const SessionManager::Recovered recovered,
                   manager_->Recover(store_.get()));
  for (const absl::Status& why : recovered.unreadable) {
    spdlog::error("store {}: {}", config_.store, why.ToString());
  }
  if (store_->directory() != nullptr) {
    spdlog::info("store {}, its sessions are found when they are asked for",
                 config_.store);
  } else {
    spdlog::info("store {}, {} sessions", config_.store, recovered.sessions);
  }
  return absl::OkStatus();
}

absl::Status Server::Listen() {
  metrics_->SetLevels([this] { return Levels(); });
  if (!config_.metrics.empty()) {
    ASSIGN_OR_RETURN(metrics_server_,
                     MetricsServer::Create(config_.metrics, metrics_));
  }
  rpc_.clock = clock_;
  rpc_.manager = manager_.get();
  rpc_.observer = metrics_.get();
  rpc_.calls = &calls_;
  rpc_.counts = &rpc_counts_;
  rpc_.bytes = &bytes_;
  rpc_.tenants.trust_header = config_.trust_tenant_header;
  rpc_.default_durability = config_.durability;
  rpc_.device = config_.device;
  rpc_.stream_window = static_cast<size_t>(config_.stream_window);
  rpc_.max_reply_bytes = config_.max_reply_bytes;
  GrpcServer::Options options;
  options.address = config_.listen;
  options.max_request_bytes = config_.max_request_bytes;
  options.max_connection_calls = config_.max_connection_calls;
  ASSIGN_OR_RETURN(grpc_, GrpcServer::Create(options, &rpc_));
  MutexLock lock(&mu_);
  serving_ = grpc_.get();
  if (!store_up_) serving_->SetServing(false);
  return absl::OkStatus();
}

void Server::OnStoreHealth(const absl::Status& status) {
  if (status.ok()) {
    spdlog::info("store {}: it works again", config_.store);
  } else {
    spdlog::error("store {}: it is down, and health says NOT_SERVING: {}",
                  config_.store, std::string(status.message()));
  }
  MutexLock lock(&mu_);
  store_up_ = status.ok();
  if (serving_ != nullptr) serving_->SetServing(store_up_);
}

std::shared_ptr<grpc::Channel> Server::InProcessChannel() {
  return grpc_->InProcessChannel();
}

std::vector<prometheus::MetricFamily> Server::CollectMetrics() const {
  return metrics_->Collect();
}

ServerLevels Server::Levels() const {
  ServerLevels levels;
  const SessionManager::Stats sessions = manager_->stats();
  levels.sessions = sessions.sessions;
  levels.pending_requests = sessions.pending_requests;
  levels.waiting_segments = scheduler_->waiting();
  const CallRegistry::Stats calls = calls_.stats();
  levels.calls = calls.calls;
  levels.streams = calls.streams;
  levels.stream_messages = calls.messages;
  levels.stream_replies = calls.replies;
  levels.draining = calls.draining;
  levels.queue_bytes = bytes_.used();
  levels.rpcs = rpc_counts_.Read();
  levels.store = writer_->stats();
  levels.async_window = config_.async_window;
  const auto unsynced_since = writer_->unsynced_since();
  if (unsynced_since.has_value()) {
    levels.unsynced = clock_->Monotonic() - *unsynced_since;
  }
  levels.tiers = tiers_->stats();
  if (prefixes_ != nullptr) levels.prefix_entries = prefixes_->size();
  return levels;
}

absl::StatusOr<bool> Server::Drain(absl::Duration timeout) {
  const absl::Duration deadline = clock_->Monotonic() + timeout;
  const absl::Duration last = deadline - std::min(kCutOffTime, timeout / 4);
  grpc_->SetNotServing();
  manager_->StartDrain();
  calls_.StartDrain();
  const bool idle = manager_->WaitIdle(last);
  const bool clean = calls_.WaitEmpty(clock_, last) && idle;
  bool ended = clean;
  if (!clean) {
    spdlog::warn("drain: {} calls did not end in time and are cut off",
                 calls_.stats().calls);
    calls_.CutOff();
    ended = calls_.WaitEmpty(clock_, deadline);
  }
  grpc_->Shutdown(ended ? kLastCalls : absl::ZeroDuration());
  RETURN_IF_ERROR(writer_->Flush());
  return clean;
}

}  // namespace mneme
