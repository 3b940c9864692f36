#include "clients/cli/printers/printer.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "clients/cli/request_builder.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "partnermetrics/v1/partner_service.pb.h"
#include "tests/clients/cli/output_test_support.h"
#include "tests/clients/cli/table_of.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using testing::HasSubstr;
using testing::Not;

constexpr char kPartners[] = R"pb(
  partners {
    partner_id: "salesforce:001"
    partner { name: "Müller, \"Solar\" GmbH" type: PARTNER_TYPE_RESELLER tier: "Gold" country: "DE" }
    facts: 1250
  }
  partners {
    partner_id: "b"
    partner { name: "株式会社" status: PARTNER_STATUS_ACTIVE }
    facts: 7
  }
  next_page_token: "p2"
  total_size: 40
  position: 99
)pb";

std::string Show(absl::string_view words, const Message& response,
                 std::unique_ptr<Printer> (*make)(const Command&, const Screen&), int width = 0) {
  TestScreen test;
  test.screen.width = width;
  const Command& command = CommandOf(Commands(), words);
  const auto printer = make(command, test.screen);
  EXPECT_TRUE(printer->Print(response).ok());
  printer->Finish();
  return test.out.str();
}

TEST(TablePrinterTest, AlignsColumnsByWhatIsSeen) {
  EXPECT_EQ(Show("partner list", FromText<v1::ListPartnersResponse>(kPartners), &NewTablePrinter),
            R"(ID              NAME                  TYPE      TIER  COUNTRY  STATUS  FACTS
salesforce:001  Müller, "Solar" GmbH  reseller  Gold  DE                1250
b               株式会社                                       active      7
total size: 40 · position: 99
There is more: add --page-token p2
)");
}

TEST(TablePrinterTest, CutsTextOnNarrowTerminalsOnly) {
  const std::string table = Show("partner list", FromText<v1::ListPartnersResponse>(kPartners), &NewTablePrinter, 66);
  EXPECT_THAT(table, HasSubstr("Müller, \"So…"));
  EXPECT_THAT(table, HasSubstr("1250\n"));
}

TEST(TablePrinterTest, EmptyListsSaySo) {
  EXPECT_EQ(Show("partner list", v1::ListPartnersResponse(), &NewTablePrinter),
            "no partners · total size: 0 · position: 0\n");
  v1::VerifyScopeResponse verified;
  verified.set_ok(true);
  verified.set_cells(12);
  EXPECT_EQ(Show("verify", verified, &NewTablePrinter),
            "no differences · ok: true · facts: 0 · cells: 12 · position: 0\n");
}

TEST(TablePrinterTest, OneMessageIsAListOfFields) {
  const auto partner = FromText<v1::PartnerEntity>(R"pb(
    partner_id: "p1"
    partner {
      name: "Acme\x1b[2J"
      domains: [ "acme.com", "acme.de" ]
      signed_on { year: 2023 month: 1 day: 15 }
      external_ids { source: "salesforce" id: "001" }
    }
    sources: "salesforce"
  )pb");
  EXPECT_EQ(Show("partner get", partner, &NewTablePrinter),
            R"(partner_id   p1
partner
  name       Acme\x1b[2J
  domains    acme.com, acme.de
  external_ids 1
    source   salesforce
    id       001
  signed_on  2023-01-15
sources      salesforce
facts        0
position     0
)");
}

TEST(CsvPrinterTest, QuotesAsRfc4180Says) {
  EXPECT_EQ(Show("partner list", FromText<v1::ListPartnersResponse>(kPartners), &NewCsvPrinter),
            "partner_id,partner.name,partner.type,partner.tier,partner.country,partner.status,facts\r\n"
            "salesforce:001,\"Müller, \"\"Solar\"\" GmbH\",reseller,Gold,DE,,1250\r\n"
            "b,株式会社,,,,active,7\r\n");
}

TEST(CsvPrinterTest, OneMessageIsOneRowWithItsNestedFields) {
  const std::string csv =
      Show("partner get", FromText<v1::PartnerEntity>("partner_id: 'p' partner { tier: 'Gold' }"), &NewCsvPrinter);
  EXPECT_THAT(csv, HasSubstr("partner_id,partner.name,partner.type,partner.tier,"));
  EXPECT_THAT(csv, HasSubstr("\r\np,,,Gold,"));
}

TEST(JsonPrinterTest, KeepsZeroValuesAndProtoNames) {
  const std::string json = Show("partner list", v1::ListPartnersResponse(), &NewJsonPrinter);
  EXPECT_THAT(json, HasSubstr("\"total_size\": 0"));
  EXPECT_THAT(json, HasSubstr("\"partners\": []"));
}

TEST(JsonPrinterTest, StreamsAreOneLineEach) {
  const std::string json = Show("ingest stream", FromText<v1::StreamEventsResponse>("sequence: 3"), &NewJsonPrinter);
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
  EXPECT_EQ(json.back(), '\n');
}

// Sets every field of a message, nested ones to a depth, so that no type of field is missed below.
void Fill(int depth, Message* message) {
  const auto* type = message->GetDescriptor();
  const auto* reflection = message->GetReflection();
  if (type->full_name() == "google.protobuf.Timestamp" || type->full_name() == "google.protobuf.Duration") {
    reflection->SetInt64(message, type->FindFieldByName("seconds"), 1700000000);
    return;
  }
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (depth == 0) continue;
      Fill(depth - 1,
           field->is_repeated() ? reflection->AddMessage(message, field) : reflection->MutableMessage(message, field));
      continue;
    }
    const auto set = [&](auto add, auto put, auto value) {
      if (field->is_repeated()) {
        (reflection->*add)(message, field, value);
      } else {
        (reflection->*put)(message, field, value);
      }
    };
    using R = google::protobuf::Reflection;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        set(&R::AddBool, &R::SetBool, true);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        set(&R::AddEnumValue, &R::SetEnumValue, 1);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        set(&R::AddInt32, &R::SetInt32, 5);
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        set(&R::AddInt64, &R::SetInt64, int64_t{-5});
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        set(&R::AddUInt32, &R::SetUInt32, 5u);
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        set(&R::AddUInt64, &R::SetUInt64, uint64_t{5});
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        set(&R::AddDouble, &R::SetDouble, 0.1);
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        set(&R::AddString, &R::SetString, std::string("ü\"\\\n"));
        break;
      default:
        FAIL() << "a type of field that this test does not know: " << field->full_name();
    }
  }
}

TEST(PrintersTest, EveryResponseCanBeShownInEveryFormat) {
  for (const Command& command : Commands()) {
    auto response = NewMessage(command.response());
    Fill(4, response.get());
    TestScreen json;
    ASSERT_TRUE(NewJsonPrinter(command, json.screen)->Print(*response).ok()) << command.words;
    auto read = NewMessage(command.response());
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.out.str(), read.get()).ok()) << json.out.str();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*response, *read)) << command.words;

    TestScreen csv;
    ASSERT_TRUE(NewCsvPrinter(command, csv.screen)->Print(*response).ok());
    EXPECT_THAT(csv.out.str(), HasSubstr("\r\n")) << command.words;
    TestScreen table;
    ASSERT_TRUE(NewTablePrinter(command, table.screen)->Print(*response).ok());
    EXPECT_FALSE(table.out.str().empty()) << command.words;
  }
}

}  // namespace
}  // namespace partnermetrics::cli
