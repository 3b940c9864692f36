#!/usr/bin/env python3
"""Writes events.json: what the demo's three exports do not hold (quotas, portal, training, events, marketing), as a
service of one's own would send it with IngestEvents. Invented, like everything in exports/; always the same bytes."""
import json
import pathlib
from datetime import date, timedelta

PARTNERS = {"0015g0000000001AAA": 1.0, "0015g0000000002AAA": 0.6}  # Salesforce id: how busy
END = date(2026, 3, 31)
events = []


def day(d):
    return {"year": d.year, "month": d.month, "day": d.day}


def at(d, hour):
    return f"{d.isoformat()}T{hour:02d}:15:00Z"


def add(kind, record_id, fact, partner=None):
    if partner:
        fact = {"partner_refs": [{"external": {"source": "salesforce", "id": partner}}], **fact}
    events.append({"record_id": record_id, "revision": 1, kind: fact})


def target(record_id, metric, first, last, value, partner=None):
    add("target", record_id, {"metric": metric, "kind": "TARGET_KIND_QUOTA", "period_start_on": day(first),
                              "period_end_on": day(last), "value": {"units": value}}, partner)


quarter, year = (date(2026, 1, 1), END), (date(2026, 1, 1), date(2026, 12, 31))
target("quota-revenue", "partner_revenue", *quarter, 250000)
for number, (partner, activity) in enumerate(PARTNERS.items(), 1):
    target(f"quota-{number}-revenue", "partner_revenue", *quarter, int(90000 * activity), partner)
    target(f"quota-{number}-ytd", "partner_revenue_ytd", *year, int(400000 * activity), partner)
    target(f"quota-{number}-deals", "deals_closed", *quarter, int(8 * activity), partner)
    target(f"quota-{number}-size", "avg_deal_size", *quarter, 62000, partner)
    for i in range(int(60 * activity)):
        d = END - timedelta(days=(i * 13) % 150)
        add("portal_session", f"session-{number}-{i}",
            {"started_at": at(d, 14 + i % 6), "duration_seconds": 240 + 31 * (i % 9), "login": True,
             "user": f"user{i % 4}@partner{number}.example"}, partner)
    for i in range(12):
        assigned = date(2025, 9, 1) + timedelta(days=9 * i)
        fact = {"module": f"module-{i % 6}", "person": f"user{i // 6}@partner{number}.example", "required": True,
                "assigned_on": day(assigned)}
        if i < 11 * activity:
            fact["completed_on"] = day(assigned + timedelta(days=20 + i))
        add("training_assignment", f"training-{number}-{i}", fact, partner)
    for i, track in enumerate(["sales", "sales", "sales", "technical", "technical"]):
        if i < 5 * activity:
            add("certification", f"certification-{number}-{i}",
                {"track": track, "person": f"user{i}@partner{number}.example",
                 "started_on": day(date(2025, 10, 1)), "certified_on": day(date(2025, 10, 20 + i)),
                 "expires_on": day(date(2027, 10, 20 + i))}, partner)
    for i in range(4):
        add("event_invitation", f"event-{number}-{i}",
            {"event_id": f"webinar-{i}", "event_on": day(date(2026, 1, 20) + timedelta(days=18 * i)),
             "attended": i < 3 * activity}, partner)
    for i in range(2):
        add("marketing_activity", f"marketing-{number}-{i}", {"started_on": day(date(2026, 2, 3 + 9 * i))}, partner)
    for i in range(10):
        sent = date(2026, 1, 5) + timedelta(days=8 * i)
        fact = {"sent_at": at(sent, 15), "direction": "COMMUNICATION_DIRECTION_OUTBOUND",
                "channel": "COMMUNICATION_CHANNEL_EMAIL"}
        if i < 8 * activity:
            fact["responded_at"] = at(sent + timedelta(days=1), 16)
        add("communication", f"mail-{number}-{i}", fact, partner)
    for i, rating in enumerate([5, 4, 5, 4]):
        add("survey_response", f"csat-{number}-{i}",
            {"survey": "SURVEY_KIND_PARTNER_CSAT", "score": rating, "scale_min": 1, "scale_max": 5,
             "respondent": f"user{i}@partner{number}.example", "responded_at": at(date(2026, 3, 2 + i), 15)}, partner)

# The other ten: a short training plan, certifications, and what operations has to do for them in March.
for number in range(3, 13):
    partner = f"0015g{number:010d}AAA"
    for i in range(3):
        assigned = date(2026, 1, 12) + timedelta(days=7 * i)
        fact = {"module": f"module-{i}", "person": f"user0@partner{number}.example", "required": True,
                "assigned_on": day(assigned)}
        if number not in (5, 9, 12):
            fact["completed_on"] = day(assigned + timedelta(days=10 + number))
        add("training_assignment", f"training-{number}-{i}", fact, partner)
    tracks = ["sales"] * (number in (3, 4, 6, 7, 8, 10)) + ["technical"] * (number in (3, 4, 7, 9))
    for track in tracks:
        add("certification", f"certification-{number}-{track}",
            {"track": track, "person": f"user0@partner{number}.example", "started_on": day(date(2026, 1, 15)),
             "certified_on": day(date(2026, 2, number)), "expires_on": day(date(2028, 2, number))}, partner)
    if number <= 6:  # decided in three to six days; the last one is open
        fact = {"requested_at": at(date(2026, 3, 2 + 3 * number), 10), "requested_amount": {"units": 1500 * number}}
        if number < 6:
            fact.update(decision="MDF_DECISION_APPROVED", decided_at=at(date(2026, 3, 2 + 4 * number), 15))
        add("mdf_request", f"mdf-{number}", fact, partner)
    if number >= 9:  # paid after twenty to thirty days; the last one is open
        fact = {"requested_at": at(date(2026, 2, 3 * (number - 8)), 9), "amount": {"units": 400 * number}}
        if number < 12:
            fact["paid_at"] = at(date(2026, 3, 2 * number - 14), 9)
        add("incentive_payout", f"payout-{number}", fact, partner)
add("onboarding", "onboarding-12", {"plan": "reseller", "started_on": day(date(2026, 3, 2)),
                                    "completed_on": day(date(2026, 3, 14))}, "0015g0000000012AAA")

text = json.dumps({"source": "portal", "events": events}, indent=1) + "\n"
pathlib.Path(__file__).with_name("events.json").write_text(text)
