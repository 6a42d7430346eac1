#include "client/cli/bench/token_source.h"

#include "absl/strings/str_cat.h"
#include "client/cli/input_file.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr uint32_t kBytes = 256;

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  std::string text;
  for (;;) {
    ASSIGN_OR_RETURN(const std::string piece, file.Read(kPieceBytes));
    if (piece.empty()) return text;
    text += piece;
  }
}

}  // namespace

absl::StatusOr<TokenSource> TokenSource::Open(const std::string& what,
                                              uint32_t vocab_size) {
  if (what == "random") return TokenSource("", vocab_size);
  if (vocab_size < kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tokens ", what,
                     ": expected a model that knows all 256 bytes, this one "
                     "has a vocabulary of ",
                     vocab_size));
  }
  ASSIGN_OR_RETURN(std::string text, ReadAll(what));
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tokens ", what, ": expected a file with text, it is empty"));
  }
  return TokenSource(std::move(text), vocab_size);
}

TokenStream::TokenStream(const TokenSource& source, uint64_t seed)
    : source_(source), bits_(seed) {
  if (!source.text_.empty()) position_ = bits_.Next() % source.text_.size();
}

const std::vector<int32_t>& TokenStream::Next(size_t n) {
  tokens_.resize(n);
  const std::string& text = source_.text_;
  for (int32_t& token : tokens_) {
    if (text.empty()) {
      token = static_cast<int32_t>(bits_.Below(source_.vocab_size_));
      continue;
    }
    token = static_cast<unsigned char>(text[position_]);
    if (++position_ == text.size()) position_ = 0;
  }
  return tokens_;
}

}  // namespace mneme::cli
