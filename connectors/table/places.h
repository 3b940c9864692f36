// Where things stand in a text file: for messages that people can follow.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_PLACES_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_PLACES_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace partnermetrics::table {

// "12:30": line and column, both from 1, of a byte of the text. Columns count characters.
std::string LineColumn(std::string_view text, std::size_t offset);

// The byte at a line and column as protobuf counts them: from 0, tabs as up to 8 columns.
std::size_t OffsetOf(std::string_view text, int line, int column);

// Where byte `index` of the string value stands whose field begins at byte `field`; the field itself for other values.
std::size_t OffsetInLiteral(std::string_view text, std::size_t field, std::size_t index);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_PLACES_H_
