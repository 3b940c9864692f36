#include "connectors/sdk/readers/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/text.h"
#include "tests/connectors/readers/memory.h"

namespace partnermetrics::sdk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Sample(const std::string& path) {
  std::ifstream in(std::string(PM_TEST_DATA) + "/samples/salesforce/" + path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  EXPECT_TRUE(in.good()) << path;
  return content.str();
}

struct Read {
  std::vector<std::vector<std::string>> rows;  // "!problem" alone for rows with one
  std::vector<std::string> header;
  std::vector<uint64_t> lines;
  Status status;
  char delimiter = '\0';
};

// Reads a file in pieces of the given size.
Read ReadAll(const std::string& content, size_t piece = 1 << 20, const CsvOptions& options = {}) {
  Read result;
  CsvReader csv(std::make_unique<DecodingStream>(Stream(content, piece)), options);
  Result<bool> any = csv.ReadHeader();
  if (!any.ok() || !*any) {
    result.status = any.status();
    return result;
  }
  result.header = csv.header().names();
  result.delimiter = csv.delimiter();
  CsvRow row;
  while (true) {
    Result<bool> more = csv.Next(&row);
    result.status = more.status();
    if (!more.ok() || !*more) return result;
    result.lines.push_back(row.line);
    result.rows.emplace_back();
    if (row.problem != nullptr) {
      result.rows.back().push_back(std::string("!") + row.problem);
      continue;
    }
    for (size_t i = 0; i < row.cells.size(); ++i) result.rows.back().push_back(row.Text(static_cast<int>(i)));
  }
}

TEST(Csv, EveryLineEndAndPieceSizeGivesTheSameRows) {
  for (const char* end : {"\n", "\r\n", "\r"}) {
    std::string e(end);
    std::string text = "a,b,c" + e + "1,\"x,\"\"y\"\"" + e + "z\",3" + e + e + "4,,\"\"" + e + "5,6,7";
    for (size_t piece : std::initializer_list<size_t>{1, 2, 3, 7, 1000}) {
      Read read = ReadAll(text, piece);
      ASSERT_TRUE(read.status.ok());
      EXPECT_THAT(read.header, ElementsAre("a", "b", "c"));
      EXPECT_THAT(read.rows, ElementsAre(ElementsAre("1", "x,\"y\"" + e + "z", "3"), ElementsAre("4", "", ""),
                                         ElementsAre("5", "6", "7")));
    }
  }
}

TEST(Csv, LoaderSamplesOfEveryEncodingAreEqual) {
  for (const char* file : {"csvtext.csv", "csvtext_BOM_UTF8.csv", "csvtext_BOM_UTF16LE.csv", "csvtext_BOM_UTF16BE.csv",
                           "csvtext_BOM_UTF32LE.csv", "csvtext_BOM_UTF32BE.csv"}) {
    for (size_t piece : std::initializer_list<size_t>{1, 5, 4096}) {
      Read read = ReadAll(Sample(std::string("dataloader/") + file), piece);
      EXPECT_THAT(read.header, ElementsAre("column1", "column2", "column3")) << file;
      // The UTF-32 samples begin with the mark of UTF-16.
      ASSERT_GE(read.rows.size(), 2u) << file;
      EXPECT_THAT(read.rows[0], ElementsAre("row1-1", "row1-2", "row1-3")) << file;
      EXPECT_THAT(read.rows[1], ElementsAre("row2-1", "row2-2", "row2-3")) << file;
    }
  }
}

TEST(Csv, SamplesWithQuotesAndLineEndsInCells) {
  Read quotes = ReadAll(Sample("dataloader/csvEscapedQuotes.csv"));
  EXPECT_THAT(quotes.rows,
              ElementsAre(ElementsAre("\"The Best\" Account", "bla"), ElementsAre("The \"Best\" Account", "bla")));
  Read bulk = ReadAll(Sample("jsforce/Account_bulk2_test.csv"), 100);
  int cells = 0;
  for (const auto& row : bulk.rows) {
    ASSERT_THAT(row, SizeIs(bulk.header.size()));
    for (const std::string& cell : row) cells += cell.find('\n') != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(cells, 209);
  Read backquote = ReadAll(Sample("jsforce/Account_bulk2_test_backquote.csv"));
  EXPECT_EQ(backquote.delimiter, '`');
  EXPECT_THAT(backquote.header, SizeIs(5));
}

TEST(Csv, FindsEveryDelimiter) {
  for (char c : std::string(",;\t|^`")) {
    Read read = ReadAll(std::string("a") + c + "\"b;,|\"" + c + "c\n1" + c + "2" + c + "3\n");
    EXPECT_EQ(read.delimiter, c);
    EXPECT_THAT(read.rows, ElementsAre(ElementsAre("1", "2", "3")));
  }
  EXPECT_THAT(ReadAll("one\n1\n").rows, ElementsAre(ElementsAre("1")));
}

TEST(Csv, RowsOfWrongWidthAreProblemsWithTheirLine) {
  Read read = ReadAll("a,b\n\"1\n\",2\n3\n4,5,6\n7,8\n");
  EXPECT_THAT(read.rows, ElementsAre(ElementsAre("1", "2"), ElementsAre("!wrong_column_count"),
                                     ElementsAre("!wrong_column_count"), ElementsAre("7", "8")));
  EXPECT_THAT(read.lines, ElementsAre(2, 4, 5, 6));
}

TEST(Csv, AStrayQuoteCostsOneLine) {
  EXPECT_THAT(ReadAll("a,b\n1,\"open\n2,3\n4,5\n").rows,
              ElementsAre(ElementsAre("!unclosed_quote"), ElementsAre("2", "3"), ElementsAre("4", "5")));
  EXPECT_THAT(ReadAll("a,b\n1,\"x\"y\n2,3\n").rows,
              ElementsAre(ElementsAre("!text_after_quote"), ElementsAre("2", "3")));
  EXPECT_THAT(ReadAll("a,b\n5\" pipe,1\n").rows, ElementsAre(ElementsAre("5\" pipe", "1")));
}

TEST(Csv, LongRowsAreSkippedInConstantMemory) {
  CsvOptions options;
  options.max_row_bytes = 1000;
  std::string longer(700'000, 'x');
  Read read = ReadAll("a,b\n1,2\n" + longer + "\n\"" + longer + "\",1\n3,4\n", 1000, options);
  EXPECT_THAT(read.rows, ElementsAre(ElementsAre("1", "2"), ElementsAre("!row_too_long"), ElementsAre("!row_too_long"),
                                     ElementsAre("3", "4")));
  EXPECT_THAT(read.lines, ElementsAre(2, 3, 4, 5));
}

TEST(Csv, AHundredMegabyteLineIsRefused) {
  CsvReader csv(std::make_unique<EndlessStream>("abc", 100 << 20));
  Result<bool> any = csv.ReadHeader();
  ASSERT_FALSE(any.ok());
  EXPECT_THAT(any.status().message(), HasSubstr("longer than"));
}

TEST(Csv, ForeignBytes) {
  // ISO-8859-1, UTF-8 and NUL bytes, cell by cell.
  EXPECT_THAT(ReadAll("a,b,c\nM\xFCller,M\xC3\xBCller,x\x81" + std::string(1, '\0') + "y\n").rows,
              ElementsAre(ElementsAre("Müller", "Müller", "x\xC2\x81y")));
  EXPECT_FALSE(ReadAll(std::string("PK\x03\x04\x14\0\0\0", 8)).status.ok());
  Read empty = ReadAll("");
  EXPECT_TRUE(empty.status.ok());
  EXPECT_TRUE(empty.header.empty());
  EXPECT_TRUE(ReadAll("\xEF\xBB\xBF").header.empty());
}

TEST(Csv, RepeatedAndEmptyNamesAreKeptByIndex) {
  CsvReader csv(Stream("Id,,Id,Note\n1,2,3,#N/A\n"));
  ASSERT_TRUE(*csv.ReadHeader());
  EXPECT_THAT(csv.header().names(), ElementsAre("Id", "", "Id", "Note"));
  EXPECT_EQ(csv.header().Find("ID"), 0);
  EXPECT_EQ(csv.header().Find(""), -1);
  CsvRow row;
  ASSERT_TRUE(*csv.Next(&row));
  EXPECT_EQ(row.Text(2), "3");
  EXPECT_EQ(row.Text(3), "");  // load files write #N/A for null
}

}  // namespace
}  // namespace partnermetrics::sdk
