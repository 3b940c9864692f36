#!/usr/bin/env python3
"""Writes demo/lightreach: installers of solar systems from October 2025 to 31 March 2026, each built so that its
numbers of the first quarter are known beforehand (labels.csv). Invented throughout; the same bytes every time."""
import csv
import os
from datetime import date, timedelta

AS_OF = date(2026, 3, 31)
QUARTER = date(2026, 1, 1)
FEED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lightreach", "feed")

# id, name, tier, M2 approvals in January, February and March, share of first attempts approved, NTP approvals,
# backlog younger than 61 days, aging backlog, ages of open rejections, bills due in March, of them paid late,
# promoters, passives, detractors, M2 forecast
INSTALLERS = [
    ("SUN-01", "Helios Summit Energy", "Platinum", (101, 102, 103), 0.85, 366, 96, 4, (3, 9), 400, 4, 70, 20, 10, 300),
    ("SUN-02", "BrightRoof Collective", "Elite", (79, 80, 81), 0.75, 330, 69, 6, (12, 21), 300, 4, 55, 25, 20, 250),
    ("SUN-03", "Solaris Field Works", "Pro", (54, 55, 56), 0.65, 264, 44, 6, (2, 22), 200, 3, 40, 35, 25, 180),
    ("SUN-04", "Juniper Solar Co-op", "Certified", (11, 12, 13), 0.55, 68, 41, 9, (30, 45), 100, 1, 30, 45, 25, 40),
    # On the bounds, which are strict: 100 a month and 80 % are not yet Platinum; 98 % of bills paid meet the least, and
    # no tier's more than 98 %.
    ("SUN-05", "Meridian Rooftops", "Elite", (100, 100, 100), 0.80, 375, 95, 5, (), 250, 5, 50, 30, 20, 300),
    ("SUN-06", "Delta Panel Partners", "", (2, 2, 2), 0.45, 15, 5, 3, (25, 60, 80), 40, 3, 3, 4, 8, 12),
]

# id, name, signed, days of each project's milestones: each newcomer has come to another step.
NEWCOMERS = [
    ("SUN-07", "Ninefold Solar Works", date(2026, 3, 16), []),
    ("SUN-08", "Tern Harbor Rooftops", date(2026, 2, 2), [{"ntp": date(2026, 3, day)} for day in (4, 11, 18, 26)]),
    # Permission to operate before M2, as with everybody.
    ("SUN-09", "Granite & Sky Energy", date(2026, 1, 12), [
        {"ntp": date(2026, 1, 28), "m1": date(2026, 2, 20), "pto": date(2026, 3, 27)},
        {"ntp": date(2026, 2, 12), "m1": date(2026, 3, 12)},
        {"ntp": date(2026, 3, 9)},
    ]),
    # All milestones of one project, and too few new ones.
    ("SUN-10", "Prairie Lantern Electric", date(2026, 1, 5), [
        {"ntp": date(2026, 1, 9), "m1": date(2026, 2, 10), "pto": date(2026, 3, 9), "m2": date(2026, 3, 12),
         "activated": date(2026, 3, 14)},
        {"ntp": date(2026, 3, 20)},
    ]),
]


def write(name, header, rows):
    os.makedirs(FEED, exist_ok=True)
    with open(os.path.join(FEED, name), "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def text(day):
    return day.isoformat() if day else ""


class Installer:
    signed = date(2025, 6, 2)

    def __init__(self, row):
        (self.id, self.name, self.tier, self.m2, self.rate, self.ntp, self.young, self.aging, self.ages, self.bills,
         self.late, self.promoters, self.passives, self.detractors, self.forecast) = row
        self.projects, self.submissions = [], []  # submissions: project, milestone, attempt, sent, decision, on, again
        self.make_projects()
        self.make_submissions()

    def add(self, **days):
        name = f"{self.id}-{len(self.projects) + 1:04d}"
        project = {"project": name, "ntp": None, "m1": None, "m2": None, "pto": None, "activated": None}
        project.update(days)
        self.projects.append(project)
        return project

    def make_projects(self):
        for month, count in enumerate(self.m2, start=1):
            for i in range(count):
                m2 = date(2026, month, 1 + i * 27 // count)
                self.add(ntp=m2 - timedelta(65), m1=m2 - timedelta(35), pto=m2 - timedelta(3), m2=m2,
                         activated=min(m2 + timedelta(2), AS_OF))
        done = sum(1 for p in self.projects if p["ntp"] >= QUARTER)
        for i in range(self.aging):  # day 61 at the end of the quarter, and later
            m1 = AS_OF - timedelta(61 + i)
            self.add(ntp=m1 - timedelta(50), m1=m1)
        for i in range(self.young):  # day 60 and sooner
            m1 = AS_OF - timedelta(60 - i % 55)
            self.add(ntp=max(m1 - timedelta(20), QUARTER), m1=m1)
        self.rejected = [self.add(ntp=QUARTER + timedelta(i)) for i in range(len(self.ages))]
        for i in range(self.ntp - done - self.young - len(self.ages)):
            self.add(ntp=QUARTER + timedelta(30 + i % 55))

    def make_submissions(self):
        first = []  # approved, by the day of the decision
        for project in self.projects:
            for milestone in ("m1", "m2"):
                if project[milestone]:
                    first.append((project, milestone.upper(), project[milestone]))
        inside = sum(1 for entry in first if entry[2] >= QUARTER) + len(self.ages)
        to_reject = inside - round(self.rate * inside) - len(self.ages)
        for project, milestone, day in first:
            if to_reject > 0 and day >= QUARTER + timedelta(7):
                to_reject -= 1
                no, again = day - timedelta(7), day - timedelta(3)
                self.submissions.append((project["project"], milestone, 1, no - timedelta(4), "rejected", no, again))
                self.submissions.append((project["project"], milestone, 2, again, "approved", day, None))
            else:
                self.submissions.append((project["project"], milestone, 1, day - timedelta(5), "approved", day, None))
        for project, age in zip(self.rejected, self.ages):
            no = AS_OF - timedelta(age)
            self.submissions.append((project["project"], "M1", 1, no - timedelta(4), "rejected", no, None))

    def bill_rows(self):
        projects = [p for p in self.projects if p["activated"]] or [self.projects[0]]
        for i in range(self.bills):
            project = projects[i % len(projects)]["project"]
            due = date(2026, 3, 5 + i % 20)
            paid = due + timedelta(6 if i < self.late else -2)
            yield [f"B-{self.id}-{i + 1:03d}", project, self.id, text(due), "120.00", text(paid)]

    def answer_rows(self):
        scores = [10, 9] * self.promoters
        scores = scores[:self.promoters] + ([8, 7] * self.passives)[:self.passives] + \
            ([6, 3] * self.detractors)[:self.detractors]
        for i, score in enumerate(scores):
            wave = "90d" if i % 3 else "1y"
            yield [f"A-{self.id}-{i + 1:03d}", self.id, f"H-{self.id}-{i + 1:03d}", wave, score,
                   text(date(2026, 1 + i % 3, 1 + i % 28))]

    def labels(self):
        first = [s for s in self.submissions if s[2] == 1 and s[5] >= QUARTER]
        answers = self.promoters + self.passives + self.detractors
        earned = self.tier if 100 * (self.bills - self.late) > 98 * self.bills else ""
        return [self.id, earned or "none", f"{100 * sum(s[4] == 'approved' for s in first) / len(first):.1f}",
                f"{100 * sum(self.m2) / self.ntp:.1f}", f"{100 * self.aging / (self.aging + self.young):.1f}",
                sum(age > 21 for age in self.ages), f"{sum(self.m2) / 3:.1f}", self.ntp,
                f"{100 * sum(self.m2) / self.forecast:.1f}", f"{100 * (self.bills - self.late) / self.bills:.1f}",
                f"{100 * (self.promoters - self.detractors) / answers:.1f}"]


class Newcomer(Installer):
    """Nobody was asked or billed yet, and nothing was rejected."""
    tier, rate, ages, rejected = "", 1, (), ()

    def __init__(self, row):
        self.id, self.name, self.signed, projects = row
        self.projects, self.submissions = [], []
        for days in projects:
            self.add(**days)
        self.make_submissions()


def main():
    installers = [Installer(row) for row in INSTALLERS]
    partners = installers + [Newcomer(row) for row in NEWCOMERS]
    every = [(i, p) for i in partners for p in i.projects]
    write("installers.csv", ["installer", "name", "tier", "signed"],
          [[i.id, i.name, i.tier, text(i.signed)] for i in partners])
    projects = [[p["project"], i.id] + [text(p[k]) for k in ("ntp", "m1", "m2", "pto", "activated")] for i, p in every]
    projects.append(["SUN-06-9001", "SUN-06", "2026-02-30", "", "", "", ""])  # bad on purpose
    write("projects.csv", ["project", "installer", "ntp", "m1", "m2", "pto", "activated"], projects)
    submissions = [[s[0], s[1], s[2], text(s[3]), s[4], text(s[5]), text(s[6]),
                    "Documents incomplete" if s[4] == "rejected" else ""] for i in partners for s in i.submissions]
    submissions.append(["SUN-06-0001", "M3", 1, "2026-03-02", "approved", "2026-03-05", "", ""])  # bad on purpose
    write("submissions.csv", ["project", "milestone", "attempt", "submitted", "decision", "decided", "resubmitted",
                              "reason"], submissions)
    write("homeowner_bills.csv", ["bill", "project", "installer", "due", "amount", "paid"],
          [row for i in installers for row in i.bill_rows()])
    write("homeowner_nps.csv", ["answer", "installer", "homeowner", "wave", "score", "answered"],
          [row for i in installers for row in i.answer_rows()])
    write("forecast.csv", ["installer", "quarter_start", "quarter_end", "m2_approvals"],
          [[i.id, "2026-01-01", "2026-03-31", i.forecast] for i in installers])
    write(os.path.join("..", "labels.csv"),
          ["installer", "tier", "first_time_approval_rate", "m2_vs_ntp_period_ratio", "m1_not_pto_aging_rate",
           "rejection_aging_count", "m2_approvals_per_month", "ntp_approvals", "m2_forecast_attainment",
           "homeowner_collection_rate", "homeowner_nps"], [i.labels() for i in installers])


if __name__ == "__main__":
    main()
