#ifndef MNEME_MODEL_RUNTIME_DEVICE_STREAMS_H_
#define MNEME_MODEL_RUNTIME_DEVICE_STREAMS_H_

// Private to model/: this header includes torch.

#include <c10/core/Device.h>

#include <memory>

namespace mneme {

struct CudaStreams;  // cuda_streams.h

// The streams of one model on one device: one for its steps, in order, and one
// for what they send to the host. On the CPU there are none.
class DeviceStreams {
 public:
  explicit DeviceStreams(c10::Device device);
  ~DeviceStreams();
  DeviceStreams(const DeviceStreams&) = delete;
  DeviceStreams& operator=(const DeviceStreams&) = delete;

  // While it lives, device work of its thread goes to the stream of the steps.
  class Scope {
   public:
    explicit Scope(const DeviceStreams& streams);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    struct Guard;
    std::unique_ptr<Guard> guard_;
  };

  // nullptr without CUDA.
  const CudaStreams* cuda() const { return cuda_.get(); }

 private:
  std::unique_ptr<CudaStreams> cuda_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_DEVICE_STREAMS_H_
