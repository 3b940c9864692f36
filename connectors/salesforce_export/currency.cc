// CurrencyType and DatedConversionRate: FxRate facts from the corporate currency into every other, as Salesforce states
// them: 18.2 pesos for one dollar.
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

// The rates of CurrencyType have no date: they hold for all times, and a changed one changes the past too.
constexpr sdk::CivilDate kAlways = {1990, 1, 1};

class RateMapper : public ObjectMapper {
 public:
  RateMapper(sdk::ColumnBinder* bind, const MapperContext& context, bool dated)
      : context_(context),
        dated_(dated),
        common_(bind),
        code_(bind->Required("IsoCode", {"IsoCode"})),
        rate_(bind->Required("ConversionRate", {"ConversionRate"})),
        start_(dated ? bind->Required("StartDate", {"StartDate"}) : -1) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::FxRate* rate = event->mutable_fx_rate();
    if (event->deleted()) return;
    const std::string& corporate = context_.lookups.corporate_currency;
    std::string code = record->Currency(code_, "");
    if (record->IsBlank(code_)) record->Fail(code_, "missing_currency", "the row names no currency");
    if (corporate.empty()) record->Fail(code_, "unknown_corporate_currency", kUnknownCorporate);
    std::optional<sdk::CivilDate> from = dated_ ? record->Date(start_) : kAlways;
    std::optional<sdk::Decimal> value = record->Amount(rate_);
    if (!value || value->IsZero() || value->IsNegative()) {
      record->Fail(rate_, "bad_rate", "a rate is a number above 0");
      return;
    }
    if (!from) {
      record->Fail(start_, "missing_date", "the row has no date");
      return;
    }
    if (!dated_ && context_.lookups.dated_rates) out->skip = "dated_rates_exist";
    if (code == corporate) out->skip = "corporate_currency";
    rate->set_from_currency(corporate);
    rate->set_to_currency(code);
    sdk::SetDecimal(*value, rate->mutable_rate());
    sdk::SetDate(*from, rate->mutable_effective_on());
  }

 private:
  static constexpr char kUnknownCorporate[] =
      "no row of CurrencyType is the corporate currency, and the setting default_currency is blank";

  const MapperContext& context_;
  const bool dated_;
  CommonColumns common_;
  int code_, rate_, start_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeCurrencyMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<RateMapper>(bind, context, false);
}

std::unique_ptr<ObjectMapper> MakeDatedRateMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<RateMapper>(bind, context, true);
}

}  // namespace partnermetrics::salesforce
