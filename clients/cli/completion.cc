#include "clients/cli/completion.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/global_flags.h"

namespace partnermetrics::cli {
namespace {

// Files for "@FILE" are the shell's own to complete. $1 is the program as it was typed.
constexpr char kBash[] = R"sh(# Completion of partnerctl for bash, made by `partnerctl completion bash`.
_partnerctl() {
  local current="${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  if [[ $current == @* ]]; then
    while IFS= read -r line; do COMPREPLY+=("@$line"); done < <(compgen -f -- "${current#@}")
    return
  fi
  while IFS= read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done < <(
    "${1:-partnerctl}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _partnerctl partnerctl
)sh";

constexpr char kZsh[] = R"sh(#compdef partnerctl
# Completion of partnerctl for zsh, made by `partnerctl completion zsh`.
_partnerctl() {
  local word help
  local -a found
  if [[ $words[CURRENT] == @* ]]; then
    compset -P @ && _files
    return
  fi
  while IFS=$'\t' read -r word help; do
    found+=("${word//:/\\:}${help:+:$help}")
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe partnerctl found
}
if [[ $funcstack[1] == _partnerctl ]]; then
  _partnerctl "$@"
else
  compdef _partnerctl partnerctl
fi
)sh";

std::string FirstSentence(absl::string_view help) {
  const size_t end = help.find(". ");
  return std::string(end == absl::string_view::npos ? help : help.substr(0, end + 1));
}

// A flag of either kind, as far as completion needs it.
struct KnownFlag {
  bool takes_value = false;
  absl::Span<const absl::string_view> choices;
};

constexpr absl::string_view kTruth[] = {"true", "false"};

class Completer {
 public:
  Completer(absl::Span<const Command> commands, std::vector<std::string> words) : commands_(commands) {
    current_ = words.empty() ? "" : std::move(words.back());
    if (!words.empty()) words.pop_back();
    // bash makes a word of the sign.
    if (current_ == "=") {
      current_.clear();
      words.emplace_back("=");
    }
    Read(words);
  }

  std::vector<Candidate> Take() {
    if (pending_.has_value()) {
      OfferChoices(*pending_, "");
    } else if (const size_t sign = current_.find('='); absl::StartsWith(current_, "--") && sign != std::string::npos) {
      const std::string name = current_.substr(0, sign);
      OfferChoices(Known(name), name + "=");
    } else if (absl::StartsWith(current_, "-")) {
      OfferFlags();
    } else if (words_.empty() || command_ == nullptr) {
      OfferWords();
    } else {
      OfferPositional();
    }
    return std::move(found_);
  }

 private:
  // Follows what stands before the cursor.
  void Read(const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == "=") {
        // --compare=…: the value follows although the flag can do without.
        if (i > 0) pending_ = Known(words[i - 1]);
        continue;
      }
      if (std::exchange(pending_, std::nullopt).has_value()) continue;  // the value of a flag
      if (absl::StartsWith(word, "-") && word.size() > 1) {
        given_.push_back(word.substr(0, word.find('=')));
        const KnownFlag flag = Known(given_.back());
        if (flag.takes_value && word.find('=') == std::string::npos) pending_ = flag;
      } else if (command_ == nullptr) {
        absl::StrAppend(&words_, words_.empty() ? "" : " ", word);
        const auto is_meant = [this](const Command& command) { return command.words == words_; };
        const auto it = std::find_if(commands_.begin(), commands_.end(), is_meant);
        if (it != commands_.end()) command_ = &*it;
      } else {
        ++positional_;
      }
    }
  }

  const Flag* OwnFlag(absl::string_view name) const {
    if (command_ == nullptr) return nullptr;
    const auto it = std::find_if(command_->flags.begin(), command_->flags.end(),
                                 [name](const Flag& flag) { return flag.name == name; });
    return it == command_->flags.end() ? nullptr : &*it;
  }

  static KnownFlag KnownOf(const Flag& flag) {
    const bool is_switch = flag.type == ValueType::kBool && !flag.repeated && !flag.map;
    return {!is_switch, flag.type == ValueType::kBool ? absl::MakeConstSpan(kTruth) : flag.choices};
  }

  // The flag that is written so: "--page-size", "-o".
  KnownFlag Known(absl::string_view written) const {
    const absl::string_view name = written.substr(std::min<size_t>(written.find_first_not_of('-'), written.size()));
    for (const GlobalFlag& flag : kGlobalFlags) {
      if (flag.name == name || (!flag.letter.empty() && flag.letter == name)) {
        return {!flag.hint.empty(), flag.choices};
      }
    }
    const Flag* own = OwnFlag(name);
    return own == nullptr ? KnownFlag() : KnownOf(*own);
  }

  bool Given(absl::string_view flag) const {
    return std::find(given_.begin(), given_.end(), absl::StrCat("--", flag)) != given_.end();
  }

  void Offer(std::string word, std::string help) {
    if (absl::StartsWith(word, current_)) found_.push_back({std::move(word), std::move(help)});
  }

  void OfferChoices(const KnownFlag& flag, const std::string& prefix) {
    for (absl::string_view choice : flag.choices) Offer(absl::StrCat(prefix, choice), "");
  }

  void OfferFlags() {
    if (command_ != nullptr) {
      for (const Flag& flag : command_->flags) {
        if (flag.repeated || flag.map || !Given(flag.name)) {
          Offer(absl::StrCat("--", flag.name), FirstSentence(flag.help));
        }
      }
    }
    for (const GlobalFlag& flag : kGlobalFlags) {
      if (!Given(flag.name)) Offer(absl::StrCat("--", flag.name), std::string(flag.help));
    }
  }

  // The next word of commands that begin with those that stand there.
  void OfferWords() {
    const std::string prefix = words_.empty() ? "" : words_ + " ";
    if (words_ == kCompletionCommand) {
      for (absl::string_view shell : kShells) Offer(std::string(shell), "");
      return;
    }
    for (const Command& command : commands_) {
      if (!absl::StartsWith(command.words, prefix)) continue;
      const absl::string_view rest = command.words.substr(prefix.size());
      const absl::string_view word = rest.substr(0, rest.find(' '));
      const auto same = [word](const Candidate& candidate) { return candidate.word == word; };
      if (std::any_of(found_.begin(), found_.end(), same)) continue;
      Offer(std::string(word), word == rest ? FirstSentence(command.help) : "");
    }
    if (words_.empty()) Offer(std::string(kCompletionCommand), "Prints the completion script of a shell.");
  }

  // The value of the next argument that is given by position.
  void OfferPositional() {
    size_t skip = positional_;
    for (absl::string_view argument : command_->arguments) {
      const Flag* flag = OwnFlag(argument);
      if (flag == nullptr || Given(argument)) continue;
      if (skip == 0 || flag->repeated) return OfferChoices(KnownOf(*flag), "");
      --skip;
    }
  }

  absl::Span<const Command> commands_;
  std::string current_;               // the word at the cursor
  std::string words_;                 // those of the command, as far as they are there
  const Command* command_ = nullptr;  // once they are complete
  std::vector<std::string> given_;    // flags, as written
  size_t positional_ = 0;             // arguments that stand there
  std::optional<KnownFlag> pending_;  // whose value stands at the cursor
  std::vector<Candidate> found_;
};

}  // namespace

std::vector<Candidate> Complete(absl::Span<const Command> commands, std::vector<std::string> words) {
  return Completer(commands, std::move(words)).Take();
}

std::string CompletionText(absl::Span<const Command> commands, std::vector<std::string> words) {
  std::string text;
  for (const Candidate& candidate : Complete(commands, std::move(words))) {
    absl::StrAppend(&text, candidate.word, candidate.help.empty() ? "" : "\t", candidate.help, "\n");
  }
  return text;
}

std::string CompletionScript(absl::string_view shell) {
  if (shell == "bash") return kBash;
  return shell == "zsh" ? kZsh : "";
}

}  // namespace partnermetrics::cli
