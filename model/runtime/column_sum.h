#ifndef MNEME_MODEL_RUNTIME_COLUMN_SUM_H_
#define MNEME_MODEL_RUNTIME_COLUMN_SUM_H_

// Private to CUDA builds of model/: this header includes torch.

#include <ATen/core/Tensor.h>

namespace mneme {

// The sum of the rows of a matrix, in its dtype: [rows, columns] -> [columns].
at::Tensor ColumnSum(const at::Tensor& x);

// Partial sums, float32 [parts, columns], to their sum, bfloat16 [columns].
at::Tensor FinishColumns(const at::Tensor& partials);

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_COLUMN_SUM_H_
