#include "server/catalog/score_model.h"

namespace partnermetrics {
namespace {

const std::string& NoText() {
  static const std::string* const none = new std::string;
  return *none;
}

}  // namespace

const v1::ScoreBand* CompiledScore::BandOf(double score) const {
  for (const v1::ScoreBand& band : definition->bands()) {
    if (score >= band.from()) return &band;
  }
  return nullptr;
}

const v1::TierLevel* CompiledTiers::Level(int rank) const {
  return rank <= 0 ? nullptr : &definition->levels(top() - rank);
}

int CompiledTiers::RankOf(absl::string_view id) const {
  for (int rank = 1; rank <= top(); ++rank) {
    if (Level(rank)->id() == id) return rank;
  }
  return 0;
}

const std::string& CompiledTiers::IdOf(int rank) const {
  const v1::TierLevel* level = Level(rank);
  return level == nullptr ? NoText() : level->id();
}

const std::string& CompiledTiers::NameOf(int rank) const {
  const v1::TierLevel* level = Level(rank);
  return level == nullptr ? NoText() : level->display_name();
}

}  // namespace partnermetrics
