#include "connectors/table/schema.h"

#include <stdexcept>

#include "google/protobuf/descriptor.pb.h"

// A serialised FileDescriptorSet; made by CMakeLists.txt.
extern const unsigned char kPartnerMetricsTableDescriptors[];
extern const unsigned long kPartnerMetricsTableDescriptorsSize;

namespace partnermetrics::table {

const Schema& Schema::Get() {
  static const Schema schema;
  return schema;
}

Schema::Schema() {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromArray(kPartnerMetricsTableDescriptors, static_cast<int>(kPartnerMetricsTableDescriptorsSize))) {
    throw std::logic_error("the plugin's descriptors are damaged");
  }
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    if (pool_.BuildFile(file) == nullptr) throw std::logic_error("the plugin's descriptors do not fit together");
  }
  const auto* batch = pool_.FindMessageTypeByName("partnermetrics.v1.EventBatch");
  event_batch_ = factory_.GetPrototype(batch);
  mapping_ = factory_.GetPrototype(pool_.FindMessageTypeByName("partnermetrics.table.Mapping"));
  fact_ = batch->FindFieldByName("events")->message_type()->FindOneofByName("fact");
  for (int i = 0; i < fact_->field_count(); ++i) kinds_.push_back(fact_->field(i)->name());
}

const google::protobuf::FieldDescriptor* Schema::Fact(const std::string& kind) const {
  for (int i = 0; i < fact_->field_count(); ++i) {
    if (fact_->field(i)->name() == kind) return fact_->field(i);
  }
  return nullptr;
}

}  // namespace partnermetrics::table
