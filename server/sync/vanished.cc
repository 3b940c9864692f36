#include "server/sync/vanished.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {
namespace {

// The revision is that of the fact: the delete wins by the run's sequence, and so does the record that comes back.
v1::Event DeleteOf(const FactId& id, const StoredFact& fact) {
  v1::Event event;
  event.set_source(id.source);
  event.set_record_id(id.record_id);
  event.set_revision(fact.version.revision);
  event.set_deleted(true);
  event.GetReflection()->MutableMessage(&event, v1::Event::descriptor()->FindFieldByNumber(id.kind));
  return event;
}

// Of one kind.
struct VanishedKind {
  std::string kind;
  int64_t facts = 0;               // of the source, not deleted before
  std::vector<v1::Event> deletes;  // for those that were not seen
};

// Facts that a later run than `sequence` stated are left alone. Readers and the writer wait while the facts are read.
absl::StatusOr<std::vector<VanishedKind>> FindVanished(ProgramRuntime& program, const std::string& source,
                                                       const std::vector<std::string>& kinds, const SeenFacts& seen,
                                                       uint64_t sequence) {
  std::vector<VanishedKind> vanished;
  for (const std::string& kind : kinds) {
    const FactSchema* schema = FactSchemas::Get().Find(kind);
    if (schema == nullptr) {
      return absl::InvalidArgumentError("the connector says that it stated every '" + kind + "', which is no kind");
    }
    VanishedKind& of_kind = vanished.emplace_back();
    of_kind.kind = kind;
    Engine::View view(program.engine());
    RETURN_IF_ERROR(view.ScanFacts(schema->kind(), [&](const FactId& id, const StoredFact& fact) {
      if (id.source != source || fact.deleted) return true;
      ++of_kind.facts;
      if (fact.version.sequence <= sequence && !seen.Has(id)) of_kind.deletes.push_back(DeleteOf(id, fact));
      return true;
    }));
  }
  return vanished;
}

v1::ConnectorProblem Remark(v1::ProblemLevel level, std::string where, std::string message, std::string remedy) {
  v1::ConnectorProblem problem;
  problem.set_level(level);
  problem.set_where(std::move(where));
  problem.set_message(std::move(message));
  problem.set_remedy(std::move(remedy));
  return problem;
}

}  // namespace

absl::StatusOr<VanishedJudgement> JudgeVanished(ProgramRuntime& program, const ConnectorConfig& config,
                                                const CompleteReading& reading) {
  VanishedJudgement judged;
  if (!config.delete_missing || reading.kinds.empty()) return judged;
  if (reading.seen == nullptr || reading.rejected) {
    judged.remarks.push_back(Remark(
        v1::PROBLEM_LEVEL_WARNING, "", "nothing was deleted that the export lacks",
        reading.seen != nullptr ? "records were rejected, and the facts that they state may be among what is missing; "
                                  "correct them and run it in full"
                                : "the run did not read everything at one go; run it in full"));
    return judged;
  }
  ASSIGN_OR_RETURN(std::vector<VanishedKind> kinds,
                   FindVanished(program, config.source, reading.kinds, *reading.seen, reading.sequence));
  for (VanishedKind& kind : kinds) {
    const auto missing = static_cast<double>(kind.deletes.size());
    if (missing > config.max_vanished_share * static_cast<double>(kind.facts) && !reading.allow_vanishing) {
      judged.too_many = true;
      judged.remarks.push_back(
          Remark(v1::PROBLEM_LEVEL_ERROR, kind.kind,
                 absl::StrCat("the export lacks ", kind.deletes.size(), " of ", kind.facts,
                              " facts, more than may vanish at a time; none of them was deleted"),
                 "look whether the export is complete; if it is, run it in full with --allow-vanishing"));
      continue;
    }
    std::move(kind.deletes.begin(), kind.deletes.end(), std::back_inserter(judged.deletes));
  }
  return judged;
}

}  // namespace partnermetrics
