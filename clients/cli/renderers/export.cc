// An export: its rows go to `out` as they come, where it stands to `err` at the end.
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/admin_service.pb.h"

namespace partnermetrics::cli {
namespace {

class ExportRenderer : public Printer {
 public:
  explicit ExportRenderer(const Screen& screen) : screen_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* piece = google::protobuf::DynamicCastToGenerated<v1::ExportResponse>(&response);
    if (piece == nullptr) {
      return absl::InternalError(absl::StrCat("an export cannot be made of a ", response.GetTypeName()));
    }
    screen_.out->write(piece->data().data(), static_cast<std::streamsize>(piece->data().size()));
    screen_.out->flush();
    if (!*screen_.out) return absl::DataLossError("the export cannot be written; is the disk full?");
    summary_ = absl::StrCat(piece->rows(), " rows as of log position ", piece->position());
    if (piece->holds_personal_data()) summary_ += "; they hold personal data";
    return absl::OkStatus();
  }

  void Finish() override {
    if (!screen_.quiet) *screen_.err << summary_ << "\n";
  }

 private:
  const Screen& screen_;
  std::string summary_;
};

}  // namespace

std::unique_ptr<Printer> NewExportRenderer(const Screen& screen) {
  return std::make_unique<ExportRenderer>(screen);
}

}  // namespace partnermetrics::cli
