#include "tests/testing/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

namespace mneme {
namespace {

constexpr int kFirst = 10000;
constexpr int kLast = 32767;  // the system's clients have those above

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free = bind(fd, reinterpret_cast<const sockaddr*>(&address),
                            sizeof address) == 0;
  close(fd);
  return is_free;
}

}  // namespace

int FreePort() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(kFirst, kLast);
  int port = ports(random);
  while (!IsFree(port)) port = ports(random);
  return port;
}

}  // namespace mneme
