// CSV as other people's tools write it, read row by row in constant memory.
//
//   CsvReader csv(std::make_unique<DecodingStream>(std::move(bytes)));
//   PM_ASSIGN_OR_RETURN(bool any, csv.ReadHeader());
//   int id = csv.header().Find("Id");
//   CsvRow row;
//   while (true) {
//     PM_ASSIGN_OR_RETURN(bool more, csv.Next(&row));
//     if (!more) break;
//     if (row.problem != nullptr) { … reject; go on … }
//     row.Cell(id)
//
// RFC 4180 quoting with line ends inside cells; LF, CRLF and CR; a missing last line end; repeated and empty header
// names; the delimiter is found from the header among , ; tab | ^ and the backquote. A quote inside a cell that does
// not begin with one is an ordinary character. One thread at a time.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_CSV_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_CSV_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connectors/sdk/readers/streams.h"
#include "connectors/sdk/readers/text_buffer.h"

namespace partnermetrics::sdk {

struct CsvOptions {
  char delimiter = '\0';  // 0: found from the first line
  // A longer row is a problem, not an allocation.
  std::size_t max_row_bytes = std::size_t{1} << 20;
  std::size_t max_columns = 10'000;
};

struct CsvRow {
  std::uint64_t number = 0;  // of the record, from 1 for the first one after the header
  std::uint64_t line = 0;    // of the file on which the record begins, from 1
  std::uint64_t offset = 0;  // of the record's first byte in the text
  // The record as read; the first part of it when it is too long.
  std::string_view raw;
  // Without quotes; not yet converted to UTF-8. Valid until the next call of the reader.
  std::vector<std::string_view> cells;
  // Why the row cannot be used: row_too_long, unclosed_quote, text_after_quote, too_many_columns, wrong_column_count.
  // Reading goes on at the next line.
  const char* problem = nullptr;
  std::string message;

  // The cell of a column as trimmed UTF-8 text; empty for -1, for "#N/A" and beyond the row's end.
  std::string Text(int column) const;
  // As Text, without conversion: for numbers, dates and ids.
  std::string_view Cell(int column) const;
};

// The names of the columns. Columns without a name and repeated names are there by index.
class CsvHeader {
 public:
  CsvHeader() = default;
  explicit CsvHeader(std::vector<std::string> names);

  // The first column of this name, in any case; -1 when there is none.
  int Find(std::string_view name) const;
  // The first column that has one of the names; earlier names win.
  int FindAny(const std::vector<std::string>& names) const;
  const std::vector<std::string>& names() const { return names_; }
  std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, int> index_;  // lower-case name -> first column
};

class CsvReader {
 public:
  // `text` is UTF-8 or ISO-8859-1 without a byte order mark: a DecodingStream for files.
  explicit CsvReader(std::unique_ptr<ByteStream> text, const CsvOptions& options = {});

  // Reads the first record as header; false when the file has none. From then on rows are numbered from 1 and must have
  // as many cells as the header. Fails when the first record is no text.
  Result<bool> ReadHeader();
  // Reads the next record; false at the end. Empty lines are passed over.
  Result<bool> Next(CsvRow* row);

  const CsvHeader& header() const { return header_; }
  char delimiter() const { return options_.delimiter; }
  // Numbers the following rows from 1: after further header rows.
  void RestartNumbering() { number_ = 0; }
  // Rows need not have as many cells as the header: for header rows that are ragged.
  void set_check_width(bool check) { check_width_ = check; }

 private:
  // A cell: a part of the row, or of unquoted_ when doubled quotes had to be taken out.
  struct Piece {
    std::size_t begin = 0;
    std::size_t size = 0;
    bool unquoted = false;
  };
  enum class Scan { kOk, kTooLong, kUnclosedQuote, kTextAfterQuote, kTooManyColumns };

  bool IsCellEnd(char c) const { return cell_end_[static_cast<unsigned char>(c)]; }

  Scan ScanRow();
  Scan ScanPlainCell(std::size_t* at);
  Scan ScanQuotedCell(std::size_t* at);
  void SkipLine();
  void TakeLineEnd(std::size_t at);
  void NextRow();
  void DetectDelimiter();
  void SetDelimiter(char delimiter);
  void FillRow(CsvRow* row);
  void Describe(Scan scan, CsvRow* row);

  TextBuffer text_;  // stands at the begin of the present row
  CsvOptions options_;
  CsvHeader header_;
  bool check_width_ = false;
  bool cell_end_[256] = {};  // delimiter and line ends

  std::uint64_t lone_returns_ = 0;  // line ends that are carriage returns alone
  std::uint64_t number_ = 0;
  std::size_t row_size_ = 0;  // of the present row without its line end
  std::size_t consumed_ = 0;  // of the present row with its line end
  std::uint64_t row_offset_ = 0;
  std::uint64_t row_line_ = 0;

  std::vector<Piece> pieces_;
  std::string unquoted_;
  std::string long_line_;  // the first part of a line that is longer than the buffer
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_CSV_H_
