#ifndef MNEME_MODEL_BACKBONE_ACTIVATION_H_
#define MNEME_MODEL_BACKBONE_ACTIVATION_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include "model/checkpoint/config_reader.h"

namespace mneme {

enum class Activation { kGeluTanh, kGelu, kRelu, kSilu };

// The Hugging Face name at `key`; an unknown one fails the reader by name.
Activation ReadActivation(ConfigReader& config, const char* key,
                          const char* fallback);

// One name for each function, whatever the config calls it.
const char* ActivationName(Activation activation);

at::Tensor Activate(Activation activation, const at::Tensor& x);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_ACTIVATION_H_
