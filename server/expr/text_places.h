// Where things stand in a text file: for messages that people can follow. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_EXPR_TEXT_PLACES_H_
#define PARTNERMETRICS_SERVER_EXPR_TEXT_PLACES_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace partnermetrics {

// "12:30": line and column, both from 1, of a byte of the text. Columns count characters.
std::string LineColumn(absl::string_view text, size_t offset);

// The byte at a line and column as protobuf counts them: from 0, tabs as up to 8 columns.
size_t OffsetOf(absl::string_view text, int line, int column);

// Where byte `index` of the string value stands whose field begins at byte `field`; the field itself for other values.
size_t OffsetInLiteral(absl::string_view text, size_t field, size_t index);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_TEXT_PLACES_H_
