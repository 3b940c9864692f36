// The descriptors of the events and of the mapping file, carried as bytes and kept in a pool of the plugin's own.
//
// Generated classes with descriptors would register themselves in the process, where a second copy of one .proto ends
// it (docs/architecture.md, "Plugins"). Dynamic messages over a private pool register nothing.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_SCHEMA_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_SCHEMA_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"

namespace partnermetrics::table {

// Immutable; one for each load of the plugin.
class Schema {
 public:
  static const Schema& Get();

  // partnermetrics.v1.EventBatch.
  const google::protobuf::Message& event_batch() const { return *event_batch_; }
  // partnermetrics.table.Mapping.
  const google::protobuf::Message& mapping() const { return *mapping_; }
  // Member `kind` of the event's fact; null when there is no such kind.
  const google::protobuf::FieldDescriptor* Fact(const std::string& kind) const;
  const std::vector<std::string>& kinds() const { return kinds_; }

 private:
  Schema();

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  const google::protobuf::Message* event_batch_ = nullptr;
  const google::protobuf::Message* mapping_ = nullptr;
  const google::protobuf::OneofDescriptor* fact_ = nullptr;
  std::vector<std::string> kinds_;
};

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_SCHEMA_H_
