#include "connectors/sdk/readers/csv.h"

#include <algorithm>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr size_t kKeptOfLongLine = 4 << 10;
// In the order that decides between delimiters that occur equally often.
constexpr std::string_view kDelimiters = ",;\t|^`";

bool IsLineEnd(char c) {
  return c == '\n' || c == '\r';
}

// Control characters do not occur in the header of a text file.
bool IsBinary(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && !IsLineEnd(c)) || c == 0x7F;
  });
}

}  // namespace

std::string_view CsvRow::Cell(int column) const {
  if (column < 0 || static_cast<size_t>(column) >= cells.size()) return {};
  return CleanCell(cells[static_cast<size_t>(column)]);
}

std::string CsvRow::Text(int column) const {
  return ToUtf8(Cell(column));
}

CsvHeader::CsvHeader(std::vector<std::string> names) : names_(std::move(names)) {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!names_[i].empty()) index_.emplace(ToLower(names_[i]), static_cast<int>(i));
  }
}

int CsvHeader::Find(std::string_view name) const {
  auto found = index_.find(ToLower(name));
  return found == index_.end() ? -1 : found->second;
}

int CsvHeader::FindAny(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    int column = Find(name);
    if (column >= 0) return column;
  }
  return -1;
}

CsvReader::CsvReader(std::unique_ptr<ByteStream> text, const CsvOptions& options)
    : text_(std::move(text)), options_(options) {
  if (options_.delimiter != '\0') SetDelimiter(options_.delimiter);
}

Result<bool> CsvReader::ReadHeader() {
  CsvRow row;
  PM_ASSIGN_OR_RETURN(bool any, Next(&row));
  if (!any) return false;
  if (IsBinary(row.raw)) return Unsupported("line 1", "this is not a text file", "export it as CSV");
  if (row.problem != nullptr) {
    return Unsupported("line " + std::to_string(row.line), "the header cannot be read: " + row.message);
  }
  std::vector<std::string> names;
  for (std::string_view cell : row.cells) names.push_back(ToUtf8(Trim(cell)));
  header_ = CsvHeader(std::move(names));
  check_width_ = true;
  number_ = 0;
  return true;
}

Result<bool> CsvReader::Next(CsvRow* row) {
  if (options_.delimiter == '\0') DetectDelimiter();
  while (true) {
    NextRow();
    row->problem = nullptr;
    row->message.clear();
    if (!text_.Has(0)) break;
    Scan scan = ScanRow();
    if (!text_.error().ok()) break;
    if (scan == Scan::kOk && row_size_ == 0) continue;
    ++number_;
    if (scan != Scan::kOk) {
      pieces_.clear();
      SkipLine();
      Describe(scan, row);
      if (!text_.error().ok()) break;
    }
    FillRow(row);
    return true;
  }
  if (!text_.error().ok()) return text_.error();
  return false;
}

void CsvReader::FillRow(CsvRow* row) {
  const char* data = text_.view().data();
  row->number = number_;
  row->line = row_line_;
  row->offset = row_offset_;
  row->raw = long_line_.empty() ? std::string_view(data, row_size_) : std::string_view(long_line_);
  row->cells.clear();
  for (const Piece& piece : pieces_) {
    row->cells.emplace_back((piece.unquoted ? unquoted_.data() : data) + piece.begin, piece.size);
  }
  if (row->problem == nullptr && check_width_ && row->cells.size() != header_.size()) {
    row->problem = "wrong_column_count";
    row->message =
        "expected " + std::to_string(header_.size()) + " columns, found " + std::to_string(row->cells.size());
  }
}

void CsvReader::Describe(Scan scan, CsvRow* row) {
  switch (scan) {
    case Scan::kOk:
      return;
    case Scan::kTooLong:
      row->problem = "row_too_long";
      row->message = "the row is longer than " + std::to_string(options_.max_row_bytes) + " bytes";
      return;
    case Scan::kUnclosedQuote:
      row->problem = "unclosed_quote";
      row->message = "a cell begins with a quote that is not closed";
      return;
    case Scan::kTextAfterQuote:
      row->problem = "text_after_quote";
      row->message = "text follows the closing quote of a cell";
      return;
    case Scan::kTooManyColumns:
      row->problem = "too_many_columns";
      row->message = "the row has more than " + std::to_string(options_.max_columns) + " columns";
      return;
  }
}

CsvReader::Scan CsvReader::ScanRow() {
  pieces_.clear();
  unquoted_.clear();
  size_t at = 0;
  while (true) {
    if (pieces_.size() == options_.max_columns) return Scan::kTooManyColumns;
    bool quoted = text_.Has(at) && text_.Byte(at) == '"';
    Scan scan = quoted ? ScanQuotedCell(&at) : ScanPlainCell(&at);
    if (scan != Scan::kOk) return scan;
    if (!text_.Has(at) || text_.Byte(at) != options_.delimiter) break;
    ++at;
  }
  TakeLineEnd(at);
  return Scan::kOk;
}

CsvReader::Scan CsvReader::ScanPlainCell(size_t* at) {
  size_t begin = *at;
  while (text_.Has(*at)) {
    std::string_view row = text_.view();
    const char* p = row.data() + *at;
    const char* end = row.data() + row.size();
    while (p < end && !IsCellEnd(*p)) ++p;
    *at = static_cast<size_t>(p - row.data());
    if (*at > options_.max_row_bytes) return Scan::kTooLong;
    if (p < end) break;
  }
  pieces_.push_back({begin, *at - begin, false});
  return Scan::kOk;
}

CsvReader::Scan CsvReader::ScanQuotedCell(size_t* at) {
  size_t unquoted_begin = unquoted_.size();
  size_t begin = ++*at;
  while (true) {
    if (*at > options_.max_row_bytes) return Scan::kTooLong;
    if (!text_.Has(*at)) return Scan::kUnclosedQuote;
    size_t quote = text_.view().find('"', *at);
    if (quote == std::string_view::npos) {
      *at = text_.view().size();
      continue;
    }
    *at = quote + 1;
    if (!text_.Has(*at) || text_.Byte(*at) != '"') break;
    unquoted_.append(text_.view().substr(begin, *at - begin));
    begin = ++*at;
  }
  size_t size = *at - 1 - begin;
  if (unquoted_.size() > unquoted_begin) {
    unquoted_.append(text_.view().substr(begin, size));
    pieces_.push_back({unquoted_begin, unquoted_.size() - unquoted_begin, true});
  } else {
    pieces_.push_back({begin, size, false});
  }
  while (text_.Has(*at) && text_.Byte(*at) == ' ') ++*at;
  return text_.Has(*at) && !IsCellEnd(text_.Byte(*at)) ? Scan::kTextAfterQuote : Scan::kOk;
}

// After a row that cannot be read, the next line is the likeliest begin of a good one: a stray quote then costs one
// line and not the rest of the file.
void CsvReader::SkipLine() {
  size_t at = 0;
  while (text_.Has(at)) {
    std::string_view text = text_.view();
    const char* line_end = std::find_if(text.begin() + at, text.end(), IsLineEnd);
    at = static_cast<size_t>(line_end - text.begin());
    if (line_end != text.end()) break;
    if (at <= options_.max_row_bytes) continue;
    if (long_line_.empty()) long_line_.assign(text.substr(0, kKeptOfLongLine));
    text_.Drop(at);
    at = 0;
  }
  TakeLineEnd(at);
}

void CsvReader::TakeLineEnd(size_t at) {
  row_size_ = at;
  if (text_.Has(at)) {
    bool carriage_return = text_.Byte(at++) == '\r';
    if (carriage_return && text_.Has(at) && text_.Byte(at) == '\n') {
      ++at;
    } else if (carriage_return) {
      ++lone_returns_;
    }
  }
  consumed_ = at;
}

void CsvReader::NextRow() {
  text_.Drop(consumed_);
  consumed_ = 0;
  row_size_ = 0;
  row_offset_ = text_.offset();
  row_line_ = text_.lines() + lone_returns_ + 1;
  long_line_.clear();
}

void CsvReader::DetectDelimiter() {
  size_t counts[kDelimiters.size()] = {};
  bool quoted = false;
  for (size_t at = 0; at < options_.max_row_bytes && text_.Has(at); ++at) {
    char c = text_.Byte(at);
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (IsLineEnd(c)) break;
    size_t found = kDelimiters.find(c);
    if (found != std::string_view::npos) ++counts[found];
  }
  SetDelimiter(
      kDelimiters[static_cast<size_t>(std::max_element(std::begin(counts), std::end(counts)) - std::begin(counts))]);
}

void CsvReader::SetDelimiter(char delimiter) {
  options_.delimiter = delimiter;
  for (char c : {delimiter, '\n', '\r'}) cell_end_[static_cast<unsigned char>(c)] = true;
}

}  // namespace partnermetrics::sdk
