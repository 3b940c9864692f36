#include "connectors/salesforce_export/state.h"

#include <simdjson.h>

#include <algorithm>

namespace partnermetrics::salesforce {
namespace {

constexpr int64_t kVersion = 2;

std::string Quote(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  return quoted + '"';
}

std::string Serialize(const std::map<std::string, int64_t>& times) {
  std::string text = "{";
  for (const auto& [object, micros] : times) {
    if (text.size() > 1) text += ',';
    text.append(Quote(object)).append(":").append(std::to_string(micros));
  }
  text += '}';
  return text;
}

bool ReadTimes(simdjson::dom::element state, const char* key, std::map<std::string, int64_t>* times) {
  simdjson::dom::object object;
  if (state[key].get(object) != simdjson::SUCCESS) return false;
  for (auto [name, value] : object) {
    int64_t micros = 0;
    if (value.get(micros) != simdjson::SUCCESS) return false;
    (*times)[std::string(name)] = micros;
  }
  return true;
}

bool ReadText(simdjson::dom::element state, const char* key, std::string* out) {
  std::string_view text;
  if (state[key].get(text) != simdjson::SUCCESS) return false;
  *out = text;
  return true;
}

}  // namespace

bool State::Resumes(const std::string& export_files) {
  bool same = !object.empty() && files == export_files;
  if (!same) {
    seen.clear();
    incomplete.clear();
    object.clear();
    done = 0;
  }
  files = export_files;
  return same;
}

void State::MoveTo(const std::string& new_object) {
  if (object != new_object) done = 0;
  object = new_object;
}

void State::Finish() {
  for (const auto& [name, micros] : seen) {
    if (micros > 0) since[name] = std::max(since[name], micros);
  }
  finished = files;
  seen.clear();
  incomplete.clear();
  object.clear();
  files.clear();
  done = 0;
}

std::string State::Serialize() const {
  std::string text = "{\"version\":";
  text.append(std::to_string(kVersion)).append(",\"settings\":").append(Quote(fingerprint));
  text.append(",\"since\":").append(salesforce::Serialize(since));
  text.append(",\"seen\":").append(salesforce::Serialize(seen)).append(",\"incomplete\":[");
  for (const std::string& name : incomplete) {
    if (text.back() != '[') text += ',';
    text.append(Quote(name));
  }
  text.append("],\"object\":").append(Quote(object)).append(",\"files\":").append(Quote(files));
  text.append(",\"done\":").append(std::to_string(done));
  text.append(",\"finished\":").append(Quote(finished)).append("}");
  return text;
}

sdk::Result<State> State::Parse(std::string_view text) {
  State state;
  if (text.empty()) return state;
  simdjson::dom::parser parser;
  simdjson::dom::element json;
  int64_t version = 0;
  simdjson::dom::array incomplete;
  bool readable = parser.parse(text.data(), text.size()).get(json) == simdjson::SUCCESS &&
                  json["version"].get(version) == simdjson::SUCCESS;
  if (readable && version != kVersion) {
    return sdk::BadState("it is of version " + std::to_string(version) + ", this plugin writes version " +
                         std::to_string(kVersion));
  }
  readable = readable && ReadText(json, "settings", &state.fingerprint) && ReadTimes(json, "since", &state.since) &&
             ReadTimes(json, "seen", &state.seen) && ReadText(json, "object", &state.object) &&
             ReadText(json, "files", &state.files) && json["done"].get(state.done) == simdjson::SUCCESS &&
             json["incomplete"].get(incomplete) == simdjson::SUCCESS;
  if (!readable) return sdk::BadState("it cannot be read");
  ReadText(json, "finished", &state.finished);  // older states have none
  for (simdjson::dom::element name : incomplete) {
    std::string_view object;
    if (name.get(object) == simdjson::SUCCESS) state.incomplete.emplace(object);
  }
  return state;
}

}  // namespace partnermetrics::salesforce
