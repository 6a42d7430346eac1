#include "tests/integration/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "gtest/gtest.h"

namespace mneme {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

TcpProxy::TcpProxy(int server_port)
    : server_port_(server_port), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener_, generic, size), 0);
  EXPECT_EQ(listen(listener_, 8), 0);
  EXPECT_EQ(getsockname(listener_, generic, &size), 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TcpProxy::~TcpProxy() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  Cut();
  MutexLock lock(&mu_);
  for (std::thread& pump : pumps_) pump.join();
  for (const int socket : sockets_) close(socket);
}

std::string TcpProxy::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

void TcpProxy::Cut() {
  MutexLock lock(&mu_);
  for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
}

void TcpProxy::Silence() {
  MutexLock lock(&mu_);
  for (const Silent& silent : silent_) *silent = true;
}

void TcpProxy::Accept() {
  for (;;) {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(server_port_);
    const int connected = connect(
        server, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    MutexLock lock(&mu_);
    sockets_.insert(sockets_.end(), {client, server});
    if (connected != 0 || stopping_) {
      shutdown(client, SHUT_RDWR);
      continue;
    }
    const auto silent = std::make_shared<std::atomic<bool>>(false);
    silent_.push_back(silent);
    pumps_.emplace_back([=] { Pump(client, server, silent); });
    pumps_.emplace_back([=] { Pump(server, client, silent); });
  }
}

void TcpProxy::Pump(int from, int to, const Silent& silent) {
  std::array<char, 1 << 16> bytes;
  for (;;) {
    const ssize_t got = recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    if (*silent) continue;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t n = send(to, bytes.data() + sent,
                             static_cast<size_t>(got - sent), MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += n;
    }
  }
  shutdown(to, SHUT_WR);
}

}  // namespace mneme
