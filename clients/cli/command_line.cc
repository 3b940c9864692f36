#include "clients/cli/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "clients/cli/completion.h"
#include "clients/cli/global_flags.h"

#ifndef PARTNERMETRICS_VERSION
#define PARTNERMETRICS_VERSION "unknown"
#endif

namespace partnermetrics::cli {
namespace {

constexpr char kProgram[] = "partnerctl";
constexpr int kHelpColumn = 34;

// Comments are written for the proto's reader: "partner.name" stays, the first sentence is the summary.
std::string Summary(absl::string_view help) {
  const size_t end = help.find(". ");
  return std::string(end == absl::string_view::npos ? help : help.substr(0, end + 1));
}

// A group named after its service is described by the service's comment; others by what they contain.
std::string GroupHelp(const Command& command, absl::string_view group) {
  const absl::string_view service = command.service.substr(command.service.rfind('.') + 1);
  return absl::StartsWithIgnoreCase(service, absl::StrReplaceAll(group, {{"-", ""}})) ? Summary(command.service_help)
                                                                                      : "";
}

std::string SubcommandNames(const CLI::App& group) {
  return absl::StrJoin(group.get_subcommands({}), ", ",
                       [](std::string* out, const CLI::App* app) { out->append(app->get_name()); });
}

// Whether the words come in this order among the arguments. Only such commands get their flags: adding those of all
// commands would be most of the time that partnerctl takes to start.
bool MayBeMeant(absl::string_view words, const std::vector<std::string>& args) {
  size_t next = 0;
  for (absl::string_view word : absl::StrSplit(words, ' ')) {
    while (next < args.size() && args[next] != word) ++next;
    if (next++ == args.size()) return false;
  }
  return true;
}

// The format asked for, read without CLI11: it is needed to report that CLI11 could not read the command line.
Format FormatIn(const std::vector<std::string>& args) {
  Format format = Format::kTable;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string next = i + 1 < args.size() ? args[i + 1] : "";
    const bool named = args[i] == "-o" || args[i] == "--output";
    if ((named && next == "json") || args[i] == "-ojson" || args[i] == "--output=json") format = Format::kJson;
    if ((named && next == "csv") || args[i] == "-ocsv" || args[i] == "--output=csv") format = Format::kCsv;
  }
  return format;
}

std::string FlagHelp(const Flag& flag) {
  std::string help(flag.help);
  if (!flag.choices.empty()) absl::StrAppend(&help, " One of ", absl::StrJoin(flag.choices, ", "), ".");
  if (flag.map) absl::StrAppend(&help, " Repeat the flag for more entries.");
  if (flag.repeated) absl::StrAppend(&help, " Repeat the flag for more values.");
  if (!flag.oneof.empty()) absl::StrAppend(&help, " At most one of the flags for ", flag.oneof, ".");
  return help;
}

std::string FlagHint(const Flag& flag) {
  return absl::StrCat(flag.map ? "KEY=" : "", ValueHint(flag.type), flag.map || flag.repeated ? " ..." : "");
}

// How the values of the command's flags are written, for types whose form needs to be told.
std::string ValueForms(const Command& command) {
  std::map<absl::string_view, absl::string_view> forms;
  for (const Flag& flag : command.flags) {
    if (flag.type != ValueType::kBool && !ValueForm(flag.type).empty()) {
      forms[ValueHint(flag.type)] = ValueForm(flag.type);
    }
  }
  std::string text;
  for (const auto& [hint, form] : forms) absl::StrAppend(&text, hint, ": ", form, "\n");
  if (command.client_streaming) {
    absl::StrAppend(&text,
                    "Requests are read as JSON, one a line, from standard input or --json @FILE; flags apply to ",
                    "each of them.\n");
  }
  return text;
}

// Builds the tree of CLI11 from the tables and reads its result back.
class Parser {
 public:
  explicit Parser(absl::Span<const Command> commands) : commands_(commands), app_(kProgramHelp, kProgram) {}

  Invocation Parse(const std::vector<std::string>& args) {
    AddGlobalFlags();
    for (const Command& command : commands_) AddCommand(command, MayBeMeant(command.words, args));
    for (auto& [path, node] : nodes_) {
      if (node->get_description().empty()) node->description(SubcommandNames(*node));
    }
    try {
      app_.parse(std::vector<std::string>(args.rbegin(), args.rend()));
      Collect();
    } catch (const CLI::CallForHelp&) {
      result_.command = nullptr;
      result_.text = app_.help();
    } catch (const CLI::CallForVersion&) {
      result_.command = nullptr;
      result_.text = absl::StrCat(kProgram, " ", PARTNERMETRICS_VERSION, "\n");
    } catch (const CLI::RequiredError& error) {
      const bool no_command = DeepestNode().get_name() != kCompletionCommand;
      SetUsageError(no_command ? NoCommandMessage() : error.what(), args);
    } catch (const CLI::Error& error) {
      SetUsageError(error.what(), args);
    }
    return std::move(result_);
  }

 private:
  static constexpr char kProgramHelp[] = "Talks to a partnermetrics server.";

  void AddGlobalFlags() {
    GlobalOptions& options = result_.options;
    app_.get_formatter()->column_width(kHelpColumn);
    app_.set_help_flag(Names("help"), Help("help"));
    app_.set_version_flag(Names("version"), "", Help("version"));
    AddGlobal("server", options.server)->envname("PARTNERCTL_SERVER")->capture_default_str();
    AddGlobal("output", format_);
    AddGlobal("json", json_);
    AddGlobal("timeout", timeout_);
    AddGlobal("color", options.color);
    app_.add_flag(Names("quiet"), options.quiet, Help("quiet"));
    AddCompletionCommand();
    app_.require_subcommand(1);
    app_.footer(kExitCodeHelp);
  }

  // "-o,--output".
  static std::string Names(absl::string_view name) {
    const absl::string_view letter = FindGlobalFlag(name)->letter;
    return absl::StrCat(letter.empty() ? "" : "-", letter, letter.empty() ? "--" : ",--", name);
  }
  static std::string Help(absl::string_view name) { return std::string(FindGlobalFlag(name)->help); }

  CLI::Option* AddGlobal(absl::string_view name, std::string& value) {
    const GlobalFlag& flag = *FindGlobalFlag(name);
    CLI::Option* option = app_.add_option(Names(name), value, Help(name))->type_name(std::string(flag.hint));
    if (!flag.choices.empty()) {
      option->check(CLI::IsMember(std::vector<std::string>(flag.choices.begin(), flag.choices.end())));
    }
    return option;
  }

  // No RPC: it prints a text that the program has.
  void AddCompletionCommand() {
    CLI::App* node = app_.add_subcommand(std::string(kCompletionCommand), "Prints the completion script of a shell");
    node->footer(
        "bash: partnerctl completion bash > ~/.local/share/bash-completion/completions/partnerctl\n"
        "zsh:  partnerctl completion zsh > a folder of $fpath/_partnerctl\n");
    node->fallthrough();
    node->add_option("SHELL", shell_, "bash or zsh")
        ->required()
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(kShells), std::end(kShells))));
    node->callback([this] { result_.text = CompletionScript(shell_); });
  }

  // The group or command of these words, made when it is not there yet.
  CLI::App* NodeOf(const Command& command) {
    const std::vector<std::string> words = absl::StrSplit(command.words, ' ');
    CLI::App* node = &app_;
    std::string path;
    for (size_t i = 0; i < words.size(); ++i) {
      absl::StrAppend(&path, i == 0 ? "" : " ", words[i]);
      CLI::App*& child = nodes_[path];
      if (child == nullptr) {
        const bool is_group = i + 1 < words.size();
        child = node->add_subcommand(words[i], is_group ? GroupHelp(command, words[i]) : Summary(command.help));
        child->fallthrough();
        if (is_group) child->require_subcommand(1);
      }
      node = child;
    }
    return node;
  }

  void AddCommand(const Command& command, bool with_flags) {
    CLI::App* node = NodeOf(command);
    node->callback([this, &command] { result_.command = &command; });
    if (!with_flags) return;
    node->description(std::string(command.help));
    node->footer(ValueForms(command));
    auto& options = options_[&command];
    // Positional arguments are taken in the order in which they are added.
    for (absl::string_view argument : command.arguments) {
      const auto flag = std::find_if(command.flags.begin(), command.flags.end(),
                                     [argument](const Flag& f) { return f.name == argument; });
      options.emplace_back(&*flag, AddFlag(*flag, true, node));
    }
    for (const Flag& flag : command.flags) {
      if (std::find(command.arguments.begin(), command.arguments.end(), flag.name) != command.arguments.end()) continue;
      options.emplace_back(&flag, AddFlag(flag, false, node));
    }
  }

  CLI::Option* AddFlag(const Flag& flag, bool positional, CLI::App* node) {
    const std::string name = absl::StrCat("--", flag.name);
    const std::string help = FlagHelp(flag);
    if (flag.type == ValueType::kBool && !flag.repeated && !flag.map) {
      // A bare --full is true; --full=false is possible too, for fields that know "not set".
      return node->add_flag(name, help)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
    const std::string names =
        positional ? absl::StrCat(absl::AsciiStrToUpper(absl::StrReplaceAll(flag.name, {{"-", "_"}})), ",", name)
                   : name;
    CLI::Option* option = node->add_option(names, help)->type_name(FlagHint(flag))->type_size(1);
    option->expected(1);
    const bool many = flag.repeated || flag.map;
    option->multi_option_policy(many ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::Throw);
    if (many && positional) option->expected(1, CLI::detail::expected_max_vector_size);
    return option;
  }

  void Collect() {
    result_.options.format = format_ == "json" ? Format::kJson : format_ == "csv" ? Format::kCsv : Format::kTable;
    if (!json_.empty()) result_.options.json = json_;
    if (!timeout_.empty()) {
      absl::Duration timeout;
      if (!absl::ParseDuration(timeout_, &timeout) || timeout <= absl::ZeroDuration()) {
        throw CLI::ValidationError(absl::StrCat("--timeout: \"", timeout_, "\" is not a duration; write 30s or 2m"));
      }
      result_.options.timeout = timeout;
    }
    for (const auto& [flag, option] : options_[result_.command]) {
      if (option->count() > 0) result_.flags.push_back({flag, option->results()});
    }
  }

  void SetUsageError(const std::string& message, const std::vector<std::string>& args) {
    result_.command = nullptr;
    result_.options.format = FormatIn(args);
    result_.usage_error = UsageError(message, absl::StrCat("see ", PathOf(DeepestNode()), " --help"));
  }

  // Groups need a command: the only thing that is required.
  std::string NoCommandMessage() const {
    const CLI::App& group = DeepestNode();
    const std::vector<std::string> rest = app_.remaining(true);
    return absl::StrCat(rest.empty() ? "a command is missing" : absl::StrCat("\"", rest.front(), "\" is no command"),
                        "; ", PathOf(group), " has: ", SubcommandNames(group));
  }

  // The last group or command that was recognised.
  const CLI::App& DeepestNode() const {
    const CLI::App* node = &app_;
    while (!node->get_subcommands().empty()) node = node->get_subcommands().front();
    return *node;
  }

  // "partnerctl partner list".
  static std::string PathOf(const CLI::App& node) {
    if (node.get_parent() == nullptr) return kProgram;
    return absl::StrCat(PathOf(*node.get_parent()), " ", node.get_name());
  }

  absl::Span<const Command> commands_;
  CLI::App app_;
  std::map<std::string, CLI::App*> nodes_;
  std::map<const Command*, std::vector<std::pair<const Flag*, CLI::Option*>>> options_;
  std::string format_ = "table";
  std::string json_;
  std::string timeout_;
  std::string shell_;
  Invocation result_;
};

}  // namespace

Invocation ParseCommandLine(absl::Span<const Command> commands, const std::vector<std::string>& args) {
  return Parser(commands).Parse(args);
}

}  // namespace partnermetrics::cli
