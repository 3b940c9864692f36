#include "partnermetrics/connector.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace partnermetrics::sdk {
namespace {

// Text for the C side: cut to the buffer between two UTF-8 characters, zero-terminated.
template <std::size_t kSize>
void Copy(const std::string& from, char (&to)[kSize]) {
  std::size_t size = std::min(from.size(), kSize - 1);
  while (size > 0 && size < from.size() && (static_cast<unsigned char>(from[size]) & 0xC0U) == 0x80U) --size;
  std::memcpy(to, from.data(), size);
  to[size] = '\0';
}

std::int32_t Report(const Status& status, pm_error* error) {
  if (error != nullptr && !status.ok()) {
    if (PM_HAS(error, pm_error, where)) Copy(status.where(), error->where);
    if (PM_HAS(error, pm_error, message)) Copy(status.message(), error->message);
    if (PM_HAS(error, pm_error, remedy)) Copy(status.remedy(), error->remedy);
  }
  return static_cast<std::int32_t>(status.code());
}

pm_error NewError() {
  pm_error error = {};
  error.struct_size = sizeof(error);
  return error;
}

Status ToStatus(std::int32_t code, const pm_error& error) {
  if (code == PM_OK) return {};
  return {static_cast<Code>(code), error.where, error.message, error.remedy};
}

// Runs `body`, which returns a Status, and turns an exception into one.
template <typename Body>
std::int32_t Guard(pm_error* error, Body body) noexcept {
  try {
    try {
      return Report(body(), error);
    } catch (const std::exception& e) {
      return Report(InternalError(std::string("the plugin threw an exception: ") + e.what()), error);
    } catch (...) {
      return Report(InternalError("the plugin threw an exception of an unknown type"), error);
    }
  } catch (...) {  // no memory for the report
    return PM_INTERNAL;
  }
}

class HostFile : public ByteSource {
 public:
  HostFile(const pm_host* host, std::uint64_t handle, FileInfo info)
      : host_(host), handle_(handle), info_(std::move(info)) {}
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;
  ~HostFile() override { host_->close(host_->ctx, handle_); }

  const std::string& name() const override { return info_.name; }
  std::uint64_t size() const override { return info_.size; }
  Result<std::size_t> ReadAt(std::uint64_t offset, void* buffer, std::size_t size) override {
    pm_error error = NewError();
    std::size_t got = 0;
    const std::int32_t code = host_->read_at(host_->ctx, handle_, offset, buffer, size, &got, &error);
    if (code != PM_OK) return ToStatus(code, error);
    return got;
  }

 private:
  const pm_host* host_;
  std::uint64_t handle_;
  FileInfo info_;
};

void AppendJson(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      *out += "\\u00";
      out->push_back(kHex[static_cast<unsigned char>(c) >> 4U]);
      out->push_back(kHex[static_cast<unsigned char>(c) & 15U]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendMember(std::string_view name, std::string_view value, std::string* out) {
  if (value.empty()) return;
  if (out->back() != '{') out->push_back(',');
  AppendJson(name, out);
  out->push_back(':');
  AppendJson(value, out);
}

void AppendFlag(std::string_view name, bool value, std::string* out) {
  if (!value) return;
  *out += ",\"";
  *out += name;
  *out += "\":true";
}

std::string_view DeleteModelName(DeleteModel model) {
  switch (model) {
    case DeleteModel::kNone:
      return "DELETE_MODEL_NONE";
    case DeleteModel::kMarked:
      return "DELETE_MODEL_MARKED";
    case DeleteModel::kSnapshot:
      return "DELETE_MODEL_SNAPSHOT";
  }
  return "DELETE_MODEL_UNSPECIFIED";
}

// A partnermetrics.v1.ConnectorDescription in proto3 JSON; the LITE runtime has no JSON of its own.
std::string ToJson(const internal::Plugin& plugin, const Description& description) {
  std::string json = "{";
  AppendMember("name", plugin.name, &json);
  AppendMember("version", plugin.version, &json);
  AppendMember("summary", description.summary, &json);
  json += ",\"settings\":[";
  for (const SettingSpec& setting : description.settings) {
    json += json.back() == '[' ? "{" : ",{";
    AppendMember("name", setting.name, &json);
    AppendMember("description", setting.description, &json);
    AppendFlag("required", setting.required, &json);
    AppendFlag("secret", setting.secret, &json);
    AppendMember("defaultValue", setting.default_value, &json);
    json += "}";
  }
  json += "],\"factKinds\":[";
  for (const std::string& kind : description.fact_kinds) {
    if (json.back() != '[') json.push_back(',');
    AppendJson(kind, &json);
  }
  json += "]";
  AppendMember("deleteModel", DeleteModelName(description.delete_model), &json);
  AppendMember("revisionRule", description.revision_rule, &json);
  json += "}";
  return json;
}

Result<Settings> CheckSettings(const Description& description, const pm_setting* settings, std::size_t count,
                               std::size_t setting_size) {
  std::map<std::string, std::string> values;
  std::string known;
  for (const SettingSpec& spec : description.settings) {
    known += (known.empty() ? "" : ", ") + spec.name;
    if (!spec.default_value.empty()) values[spec.name] = spec.default_value;
  }
  const char* at = reinterpret_cast<const char*>(settings);
  for (std::size_t i = 0; i < count; ++i, at += setting_size) {
    const pm_setting* setting = reinterpret_cast<const pm_setting*>(at);
    const bool is_known = std::any_of(description.settings.begin(), description.settings.end(),
                                      [&](const SettingSpec& spec) { return spec.name == setting->name; });
    if (!is_known) {
      return BadSetting(setting->name, "the connector has no such setting",
                        known.empty() ? "it has no settings" : "its settings are: " + known);
    }
    values[setting->name] = setting->value;
  }
  for (const SettingSpec& spec : description.settings) {
    if (spec.required && values.find(spec.name) == values.end()) {
      return BadSetting(spec.name, "the setting is required and was not given", spec.description);
    }
  }
  return Settings(std::move(values));
}

// What `instance` points to on the C side.
struct Instance {
  const pm_host* host;
  std::unique_ptr<Connector> connector;
};

}  // namespace

std::optional<std::string> Settings::Find(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::string Settings::Get(const std::string& name, std::string_view otherwise) const {
  return Find(name).value_or(std::string(otherwise));
}

Result<bool> Settings::GetBool(const std::string& name, bool otherwise) const {
  const std::optional<std::string> value = Find(name);
  if (!value) return otherwise;
  if (*value == "true") return true;
  if (*value == "false") return false;
  return BadSetting(name, "the value is neither true nor false");
}

Result<std::vector<FileInfo>> Reader::List() {
  std::vector<FileInfo> files;
  while (true) {
    pm_file file = {};
    file.struct_size = sizeof(file);
    pm_error error = NewError();
    const std::int32_t code = host_->list(host_->ctx, files.size(), &file, &error);
    if (code == PM_END) return files;
    if (code != PM_OK) return ToStatus(code, error);
    files.push_back({file.name, file.size, file.modified_unix_ns});
  }
}

Result<std::unique_ptr<ByteSource>> Reader::Open(const std::string& name) {
  pm_error error = NewError();
  std::uint64_t handle = 0;
  pm_file file = {};
  file.struct_size = sizeof(file);
  const std::int32_t code = host_->open(host_->ctx, name.c_str(), &file, &handle, &error);
  if (code != PM_OK) return ToStatus(code, error);
  return std::unique_ptr<ByteSource>(
      std::make_unique<HostFile>(host_, handle, FileInfo{name, file.size, file.modified_unix_ns}));
}

namespace internal {

pm_bytes Describe(const Plugin& plugin) noexcept {
  try {
    static const std::string json = ToJson(plugin, plugin.describe());
    return {reinterpret_cast<const std::uint8_t*>(json.data()), json.size()};
  } catch (...) {
    return {nullptr, 0};
  }
}

std::int32_t Open(const Plugin& plugin, const pm_host* host, const pm_setting* settings, std::size_t count,
                  std::size_t setting_size, void** instance, pm_error* error) noexcept {
  return Guard(error, [&]() -> Status {
    PM_ASSIGN_OR_RETURN(const Settings checked, CheckSettings(plugin.describe(), settings, count, setting_size));
    auto made = std::make_unique<Instance>(Instance{host, plugin.make()});
    PM_RETURN_IF_ERROR(made->connector->Open(checked));
    *instance = made.release();
    return {};
  });
}

std::int32_t Check(void* instance, pm_error* error) noexcept {
  return Guard(error, [&]() -> Status {
    auto* self = static_cast<Instance*>(instance);
    Reader reader(self->host);
    Reporter reporter(self->host);
    return self->connector->Check(reader, reporter);
  });
}

std::int32_t Read(void* instance, const pm_bytes* state, pm_error* error) noexcept {
  return Guard(error, [&]() -> Status {
    auto* self = static_cast<Instance*>(instance);
    Reader reader(self->host);
    Sink sink(self->host);
    std::string_view from;
    if (state != nullptr) from = {reinterpret_cast<const char*>(state->data), state->size};
    PM_RETURN_IF_ERROR(self->connector->Read(from, reader, sink));
    return sink.Finish();
  });
}

void Close(void* instance) noexcept {
  delete static_cast<Instance*>(instance);
}

}  // namespace internal
}  // namespace partnermetrics::sdk
