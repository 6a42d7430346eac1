#ifndef MNEME_MODEL_RUNTIME_CUDA_STREAMS_H_
#define MNEME_MODEL_RUNTIME_CUDA_STREAMS_H_

// Private to model/runtime: for builds with CUDA only.

#include <c10/cuda/CUDAStream.h>

namespace mneme {

struct CudaStreams {
  c10::cuda::CUDAStream compute;
  c10::cuda::CUDAStream copies;
};

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_CUDA_STREAMS_H_
