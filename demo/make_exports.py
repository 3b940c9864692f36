#!/usr/bin/env python3
"""Writes the demo's exports: an invented partner programme as Salesforce, Stripe and Qualtrics would export it.

    demo/make_exports.py            writes demo/exports
    demo/make_exports.py FOLDER     writes there

The same run gives the same bytes. A few rows are bad on purpose: see README.md.
"""

import csv
import datetime as dt
import io
import json
import pathlib
import random
import sys

NULL_ID = "000000000000000AAA"
AS_OF = dt.date(2026, 3, 31)
STAGES = [("Prospecting", 10), ("Qualification", 25), ("Proposal", 50), ("Negotiation", 75)]

#          name, domain, tier, type, region, country, manager, signed, how many deals
PARTNERS = [
    ("Cascadia Cloud Partners", "cascadiacloud.example", "Platinum", "Reseller", "West", "US", 0, "2024-02-12", 30),
    ("Northwind Solar Partners", "northwindsolar.example", "Gold", "Installation Partner", "West", "US", 0, "2024-05-20", 12),
    ("Bluefin Systems", "bluefinsystems.example", "Gold", "Reseller", "East", "US", 1, "2024-06-03", 11),
    ("Harbor & Pine Consulting", "harborpine.example", "Gold", "Referral Partner", "East", "US", 1, "2024-09-16", 9),
    ("Kestrel Data", "kestreldata.example", "Silver", "Technology Partner", "EMEA", "DE", 2, "2024-11-04", 8),
    ("Alpenblick IT", "alpenblick.example", "Silver", "Reseller", "EMEA", "AT", 2, "2025-01-13", 7),
    ("Maple Ridge Digital", "mapleridge.example", "Silver", "Reseller", "East", "CA", 1, "2025-02-10", 6),
    ("Quanta Integrators", "quantaintegrators.example", "Silver", "Technology Partner", "West", "US", 0, "2025-03-24", 6),
    ("Sierra Networks", "sierranetworks.example", "Silver", "Reseller", "West", "US", 0, "2025-05-05", 4),
    ("Tidewater Technology", "tidewatertech.example", "Silver", "Distributor", "East", "US", 1, "2025-07-14", 3),
    ("Meridian Advisors", "meridianadvisors.example", "Silver", "Referral Partner", "EMEA", "GB", 2, "2025-09-22", 2),
    ("Ostrava Cloudworks", "ostravacloud.example", "Silver", "Reseller", "EMEA", "CZ", 2, "2026-01-19", 1),
]
MANAGERS = ["Dana Whitfield", "Marcus Oyelaran", "Ines Baumgartner"]
CUSTOMERS = [
    "Aldergrove Foods", "Beacon Hill Clinics", "Castlewood Schools", "Driftwood Hotels", "Eastgate Logistics",
    "Fairmont Dental", "Granite Peak Mining", "Hollis Insurance", "Ironbridge Steel", "Juniper Apparel",
    "Kingfisher Air", "Lakeshore Realty", "Moss & Daughters", "Nightingale Care", "Oakline Furniture",
    "Pinecrest Bank", "Quarry Street Books", "Redwood Legal", "Saltmarsh Energy", "Thornbury Council",
    "Umber Ceramics", "Vesper Media", "Westfield Farms", "Xenon Labs", "Yarrow Pharma", "Zephyr Cycles",
    "Ashdown Transit", "Birchwood Museum", "Cobalt Motors", "Dunmore Shipping",
]
DIRECT_DEALS = 25
PRODUCTS = ["Core", "Core", "Analytics", "Connect"]

rng = random.Random(20260331)


def salesforce_id(prefix, number):
    """An 18-character id: 15 characters and three that say which of them are upper-case."""
    short = f"{prefix}5g0000{number:06d}"
    check = ""
    for block in range(0, 15, 5):
        bits = sum(1 << i for i, c in enumerate(short[block:block + 5]) if c.isupper())
        check += "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits]
    return short + check


def day(text):
    return dt.date.fromisoformat(text)


def at(date, hour=None):
    """An instant on the day, during office hours in New York, in UTC."""
    hour = rng.randint(14, 21) if hour is None else hour
    return dt.datetime(date.year, date.month, date.day, hour, rng.randint(0, 59), rng.randint(0, 59))


def as_date(date):
    return f"{date:%Y-%m-%d} 00:00:00"  # weekly exports write a time behind dates


def as_time(instant):
    return f"{instant:%Y-%m-%d %H:%M:%S}"


def epoch(instant):
    return int(instant.replace(tzinfo=dt.timezone.utc).timestamp())


def weekly_csv(path, columns, rows, bad_lines=()):
    """Dialect of the weekly data export: every cell quoted, LF. bad_lines: (index, line) to put in."""
    lines = []
    for row in [columns] + rows:
        lines.append(",".join('"' + str(cell).replace('"', '""') + '"' for cell in row))
    for index, line in sorted(bad_lines, reverse=True):
        lines.insert(index, line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Deal:
    def __init__(self, number, partner, customer):
        self.id = salesforce_id("006", number)
        self.number = number
        self.partner = partner
        self.customer = customer
        self.opened = dt.date(2025, 1, 6) + dt.timedelta(days=rng.randint(0, 435))
        if partner is not None:
            self.opened = max(self.opened, day(PARTNERS[partner][7]) + dt.timedelta(days=14))
            self.opened = min(self.opened, dt.date(2026, 3, 20))
        self.created = at(self.opened)
        size = {"Platinum": 64, "Gold": 46, "Silver": 31}[PARTNERS[partner][2]] if partner is not None else 42
        self.amount = round(rng.lognormvariate(0, 0.45) * size) * 1000 + rng.choice([0, 0, 250, 500])
        if rng.random() < 0.04:
            self.amount = None  # not known yet
        self.type = rng.choices(["New Customer", "Existing Customer - Upgrade", "Existing Customer - Replacement"],
                                [6, 3, 1])[0]
        self.product = rng.choice(PRODUCTS)
        self.steps = []
        self.walk()

    def walk(self):
        """Through the stages until it closes or the export is made."""
        instant = self.created
        for name, probability in STAGES:
            self.steps.append((instant, name, probability))
            instant += dt.timedelta(days=rng.randint(6, 34), hours=rng.randint(0, 5))
            if instant.date() > AS_OF:
                break
            lost = 0.19 if self.partner is None else 0.05 if self.partner == 0 else 0.11
            if name != "Prospecting" and rng.random() < lost:
                self.steps.append((instant, "Closed Lost", 0))
                break
        else:
            won = rng.random() < (0.58 if self.partner is None else 0.84 if self.partner == 0 else 0.74)
            self.steps.append((instant, "Closed Won" if won else "Closed Lost", 100 if won else 0))
        self.changed, self.stage, self.probability = self.steps[-1]
        self.won = self.stage == "Closed Won"
        self.closed = self.stage.startswith("Closed")
        days = rng.randint(9, 80)
        self.close = self.changed.date() if self.closed else AS_OF + dt.timedelta(days=days)
        self.modified = self.changed + dt.timedelta(minutes=rng.randint(1, 50))


def make_deals():
    owners = [i for i, partner in enumerate(PARTNERS) for _ in range(partner[8])] + [None] * DIRECT_DEALS
    rng.shuffle(owners)
    deals = []
    for number, partner in enumerate(owners, 1):
        customer = rng.randrange(len(CUSTOMERS))
        deal = Deal(number, partner, customer)
        if partner is not None:
            deal.role = rng.choices(["Referral", "Consultant", "Reseller"], [6, 3, 1])[0]
            deal.lead_source = "Partner" if deal.role == "Referral" else rng.choice(["Web", "Trade Show"])
            deal.registered = deal.role == "Referral" and rng.random() < 0.8
        else:
            deal.role, deal.lead_source, deal.registered = None, rng.choice(["Web", "Trade Show", "Phone Inquiry"]), False
        deals.append(deal)
    return deals


def partner_id(index):
    return salesforce_id("001", 1 + index)


def customer_id(index):
    return salesforce_id("001", 501 + index)


def user_id(index):
    return salesforce_id("005", 1 + index)


def write_accounts(folder):
    weekly_csv(folder / "User.csv", ["Id", "Username", "FirstName", "LastName", "Email", "IsActive"],
               [[user_id(i), f"user{i}@vendor.example", *name.split(), f"user{i}@vendor.example", 1]
                for i, name in enumerate(MANAGERS)])
    rows = []
    for i, (name, domain, tier, kind, region, country, manager, signed, _) in enumerate(PARTNERS):
        created = at(day(signed))
        onboarded = day(signed) + dt.timedelta(days=rng.randint(25, 70))
        rows.append([partner_id(i), 0, NULL_ID, name, kind, "", f"https://www.{domain}", country, user_id(manager), 1,
                     region, "Active", as_date(day(signed)), as_date(onboarded) if onboarded <= AS_OF else "", "",
                     as_time(created), as_time(at(dt.date(2026, 3, 2), 9))])
    for i, name in enumerate(CUSTOMERS):
        domain = name.lower().replace(" & ", "").replace(" ", "") + ".example"
        created = at(dt.date(2024, 8, 1) + dt.timedelta(days=11 * i))
        rows.append([customer_id(i), 0, NULL_ID, name, "Customer", "", f"www.{domain}", "US", user_id(i % 3), 0, "", "",
                     "", "", rng.choice(["Retail", "Healthcare", "Education", "Energy"]), as_time(created),
                     as_time(created)])
    weekly_csv(folder / "Account.csv",
               ["Id", "IsDeleted", "MasterRecordId", "Name", "Type", "ParentId", "Website", "BillingCountry", "OwnerId",
                "IsPartner", "Partner_Region__c", "Partner_Status__c", "Partner_Start_Date__c",
                "Onboarding_Completed_Date__c", "Industry", "CreatedDate", "SystemModstamp"], rows)
    levels = ["Silver", "Gold", "Platinum"]  # rank 1 is the lowest
    weekly_csv(folder / "ChannelProgramLevel.csv", ["Id", "Name", "Rank"],
               [[salesforce_id("0PG", i + 1), name, i + 1] for i, name in enumerate(levels)])
    weekly_csv(folder / "ChannelProgramMember.csv", ["Id", "IsDeleted", "ProgramId", "LevelId", "PartnerId",
                                                     "SystemModstamp"],
               [[salesforce_id("0PH", i + 1), 0, salesforce_id("0PF", 1),
                 salesforce_id("0PG", levels.index(partner[2]) + 1), partner_id(i), "2026-01-02 09:00:00"]
                for i, partner in enumerate(PARTNERS)])


def write_deals(folder, deals):
    columns = ["Id", "IsDeleted", "AccountId", "Name", "StageName", "Amount", "Probability", "CloseDate", "Type",
               "LeadSource", "IsClosed", "IsWon", "ForecastCategory", "CurrencyIsoCode", "OwnerId", "CreatedDate",
               "LastModifiedDate", "SystemModstamp", "LastStageChangeDate", "PrimaryPartnerAccountId",
               "Deal_Registration_Status__c", "Deal_Registration_Date__c", "Registration_Decision_Date__c",
               "Loss_Reason__c", "Product__c"]
    rows, partners, history = [], [], []
    for deal in deals:
        registration = ["", "", ""]
        if deal.registered:
            decided = deal.created + dt.timedelta(hours=rng.randint(5, 70))
            rejected = rng.random() < 0.1 and not deal.won
            pending = decided.date() > AS_OF
            registration = ["Submitted" if pending else "Rejected" if rejected else "Approved", as_time(deal.created),
                            "" if pending else as_time(decided)]
        name = f"{CUSTOMERS[deal.customer]} - {deal.product}"
        lost = rng.choice(["Price", "Competitor", "No decision"]) if deal.closed and not deal.won else ""
        forecast = "Closed" if deal.won else "Omitted" if deal.closed else "Forecast" if deal.probability >= 75 else "BestCase"
        rows.append([deal.id, 0, customer_id(deal.customer), name, deal.stage,
                     "" if deal.amount is None else deal.amount, deal.probability, as_date(deal.close), deal.type,
                     deal.lead_source, int(deal.closed), int(deal.won), forecast, "USD", user_id(deal.number % 3),
                     as_time(deal.created), as_time(deal.modified), as_time(deal.modified), as_time(deal.changed),
                     NULL_ID, *registration, lost, deal.product])
        for instant, stage, probability in deal.steps:
            expected = "" if deal.amount is None else round(deal.amount * probability / 100, 2)
            history.append([deal.id, as_time(instant), stage, "" if deal.amount is None else deal.amount, expected,
                            probability, as_date(deal.close), 0])
        if deal.partner is None:
            continue
        partners.append([deal.id, customer_id(deal.customer), partner_id(deal.partner), deal.role, 1,
                         as_time(deal.created), 0, NULL_ID])
        if rng.random() < 0.15:  # a technology partner beside the first
            other = 4 if deal.partner != 4 else 7
            partners.append([deal.id, customer_id(deal.customer), partner_id(other), "Technology Partner", 0,
                             as_time(deal.created), 0, NULL_ID])
    # Bad on purpose: a day that does not exist, an amount with a letter, a currency nobody has, half a row.
    def spoiled(number, column, value):
        row = list(rows[number])
        row[0] = salesforce_id("006", 900 + number)
        row[columns.index(column)] = value
        return ",".join('"' + str(cell) + '"' for cell in row)
    bad = [(20, spoiled(3, "CloseDate", "2026-02-30 00:00:00")), (48, spoiled(8, "Amount", "48.5k")),
           (77, spoiled(15, "CurrencyIsoCode", "USX")), (101, f'"{salesforce_id("006", 990)}","0","Half a row"')]
    weekly_csv(folder / "Opportunity.csv", columns, rows, bad)
    history.sort(key=lambda row: row[1])  # as they were saved: the rows of a deal stand apart
    weekly_csv(folder / "OpportunityHistory.csv",
               ["Id", "OpportunityId", "CreatedDate", "StageName", "Amount", "ExpectedRevenue", "Probability",
                "CloseDate", "IsDeleted"],
               [[salesforce_id("008", i + 1)] + row for i, row in enumerate(history)])
    links = [[salesforce_id("00I", i + 1)] + row for i, row in enumerate(partners)]
    # A link between two accounts: two rows that mirror each other and belong to no deal.
    a, b = salesforce_id("00I", 801), salesforce_id("00I", 802)
    links.append([a, NULL_ID, partner_id(0), partner_id(4), "", 0, "2025-06-02 15:00:00", 0, b])
    links.append([b, NULL_ID, partner_id(4), partner_id(0), "", 0, "2025-06-02 15:00:00", 0, a])
    weekly_csv(folder / "Partner.csv", ["Id", "OpportunityId", "AccountFromId", "AccountToId", "Role", "IsPrimary",
                                        "SystemModstamp", "IsDeleted", "ReversePartnerId"], links)


def write_leads_and_cases(folder, deals):
    sourced = [deal for deal in deals if deal.lead_source == "Partner"]
    rows = []
    for i in range(70):
        deal = sourced[i] if i < min(34, len(sourced)) else None
        partner = deal.partner if deal else rng.choice([None, *range(10)])
        created = (deal.created if deal else at(dt.date(2025, 1, 8) + dt.timedelta(days=rng.randint(0, 440))))
        created -= dt.timedelta(days=rng.randint(3, 20)) if deal else dt.timedelta()
        status = "Qualified" if deal else rng.choice(["New", "Working - Contacted", "Qualified", "Closed - Not Converted"])
        qualified = created + dt.timedelta(days=2, hours=rng.randint(0, 20))
        modified = max(created, deal.created) if deal else min(qualified, dt.datetime(2026, 3, 31, 22))
        rows.append([salesforce_id("00Q", i + 1), 0, "Alex", f"Example{i}", rng.choice(CUSTOMERS),
                     f"alex{i}@prospect{i}.example", "Partner" if partner is not None else "Web", status,
                     partner_id(partner) if partner is not None else NULL_ID, int(deal is not None),
                     as_date(deal.opened) if deal else "", customer_id(deal.customer) if deal else NULL_ID,
                     deal.id if deal else NULL_ID, as_time(qualified) if status == "Qualified" else "",
                     as_time(created), as_time(modified)])
    rows[41][0] = rows[41][0].lower()[:-3] + "XYZ"  # bad on purpose: wrong check characters
    weekly_csv(folder / "Lead.csv",
               ["Id", "IsDeleted", "FirstName", "LastName", "Company", "Email", "LeadSource", "Status",
                "PartnerAccountId", "IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedOpportunityId",
                "Qualified_Date__c", "CreatedDate", "SystemModstamp"], rows)
    rows = []
    for i in range(60):
        partner = rng.choices(range(len(PARTNERS)), [p[8] + 1 for p in PARTNERS])[0]
        opened = at(max(dt.date(2025, 2, 1), day(PARTNERS[partner][7])) + dt.timedelta(days=rng.randint(0, 60)))
        opened += dt.timedelta(days=rng.randint(0, 330))
        opened = min(opened, dt.datetime(2026, 3, 30, 15, 0, i))
        answered = opened + dt.timedelta(minutes=rng.randint(12, 480))
        closed = opened + dt.timedelta(hours=rng.randint(4, 96))
        is_closed = closed.date() <= AS_OF
        rows.append([salesforce_id("500", i + 1), 0, partner_id(partner), "Closed" if is_closed else "Working",
                     rng.choice(["Low", "Medium", "Medium", "High"]), rng.choice(["Email", "Phone", "Web"]),
                     int(is_closed), as_time(closed) if is_closed else "", int(rng.random() < 0.1), as_time(answered),
                     as_time(opened), as_time(closed if is_closed else answered)])
    weekly_csv(folder / "Case.csv", ["Id", "IsDeleted", "AccountId", "Status", "Priority", "Origin", "IsClosed",
                                     "ClosedDate", "IsEscalated", "First_Response__c", "CreatedDate",
                                     "SystemModstamp"], rows)


def write_stripe(folder, deals):
    customers, invoices, subscriptions, refunds = [], [], [], []
    won = sorted((deal for deal in deals if deal.won and deal.amount), key=lambda deal: deal.changed)
    for number, deal in enumerate(won[:46], 1):
        cus, sub = f"cus_demo{number:04d}", f"sub_demo{number:04d}"
        start = deal.changed + dt.timedelta(days=rng.randint(1, 6))
        metadata, email = {}, f"billing{number}@gmail.com"
        if deal.partner is not None:
            if number % 3:
                metadata = {"salesforce_account_id": partner_id(deal.partner)[:15]}
            else:
                email = f"orders@{PARTNERS[deal.partner][1]}"  # linked by its domain
        customers.append({"id": cus, "object": "customer", "created": epoch(start), "livemode": True,
                          "name": CUSTOMERS[deal.customer], "email": email, "metadata": metadata,
                          "address": {"country": "US"}})
        yearly = number % 4 == 0
        quantity = rng.choice([5, 10, 20, 40])
        monthly_total = deal.amount / 12
        unit = round(monthly_total * (12 if yearly else 1) / quantity) * 100  # cents
        ended = start + dt.timedelta(days=rng.randint(120, 300)) if number % 11 == 0 else None
        if ended and ended.date() > AS_OF:
            ended = None
        subscriptions.append({
            "id": sub, "object": "subscription", "livemode": True, "created": epoch(start), "start_date": epoch(start),
            "currency": "usd", "customer": cus, "status": "canceled" if ended else "active",
            "canceled_at": epoch(ended) if ended else None, "ended_at": epoch(ended) if ended else None,
            "cancel_at_period_end": False, "metadata": {}, "discounts": [],
            "items": {"object": "list", "has_more": False, "data": [{
                "id": f"si_demo{number:04d}", "object": "subscription_item", "quantity": quantity,
                "current_period_end": epoch(dt.datetime(2026, 4, 15)),
                "price": {"id": f"price_{deal.product.lower()}", "object": "price", "product": f"prod_{deal.product.lower()}",
                          "unit_amount": unit, "nickname": deal.product,
                          "recurring": {"interval": "year" if yearly else "month", "interval_count": 1,
                                        "usage_type": "licensed"}}}]}})
        issued, cycle = start, 0
        while issued.date() <= AS_OF and (ended is None or issued < ended):
            total = unit * quantity
            due = issued + dt.timedelta(days=30)
            paid = issued + dt.timedelta(days=rng.choices([3, 14, 28, 41], [4, 4, 3, 1])[0])
            is_paid = paid.date() <= AS_OF
            invoice = {"id": f"in_demo{number:04d}{cycle:02d}", "object": "invoice", "livemode": True,
                       "created": epoch(issued), "currency": "usd", "customer": cus, "number": f"D-{number:04d}-{cycle:02d}",
                       "status": "paid" if is_paid else "open", "collection_method": "send_invoice",
                       "billing_reason": "subscription_cycle" if cycle else "subscription_create",
                       "due_date": epoch(due), "subtotal": total, "total": total, "total_excluding_tax": total,
                       "amount_due": total, "amount_paid": total if is_paid else 0, "metadata": {},
                       "status_transitions": {"finalized_at": epoch(issued), "paid_at": epoch(paid) if is_paid else None,
                                              "marked_uncollectible_at": None, "voided_at": None}}
            # Invoices of both API versions, as they lie in archives: the older ones name charge and subscription.
            if issued < dt.datetime(2025, 3, 31):
                invoice.update({"subscription": sub, "charge": f"ch_demo{number:04d}{cycle:02d}" if is_paid else None})
            else:
                invoice["parent"] = {"type": "subscription_details", "subscription_details": {"subscription": sub,
                                                                                            "metadata": {}}}
                invoice["payments"] = {"object": "list", "has_more": False, "data": [{
                    "id": f"inpay_demo{number:04d}{cycle:02d}", "object": "invoice_payment",
                    "payment": {"type": "payment_intent", "payment_intent": f"pi_demo{number:04d}{cycle:02d}"}}]}
            invoices.append(invoice)
            if is_paid and rng.random() < 0.02:
                refunds.append({"id": f"re_demo{len(refunds) + 1:04d}", "object": "refund", "currency": "usd",
                                "amount": total // 4, "created": epoch(min(paid + dt.timedelta(days=5),
                                                                         dt.datetime(2026, 3, 31, 12))),
                                "charge": invoice.get("charge"), "reason": "requested_by_customer", "status": "succeeded",
                                "payment_intent": f"pi_demo{number:04d}{cycle:02d}", "metadata": {}})
            cycle += 1
            issued = start + dt.timedelta(days=365 * cycle if yearly else round(30.4375 * cycle))
    for name, objects in [("customers", customers), ("subscriptions", subscriptions), ("refunds", refunds)]:
        text = json.dumps({"object": "list", "url": f"/v1/{name}", "has_more": False, "data": objects}, indent=1)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    invoices.sort(key=lambda invoice: invoice["created"])
    lines = [json.dumps(invoice, separators=(",", ":")) for invoice in invoices]
    # Bad on purpose: a line broken off, a currency nobody has. And by rule left out: a draft, a test-mode invoice.
    lines.insert(30, lines[30][:90])
    lines.insert(60, json.dumps({**invoices[60], "id": "in_demobad1", "currency": "usx"}, separators=(",", ":")))
    lines.insert(90, json.dumps({**invoices[90], "id": "in_demodraft", "status": "draft"}, separators=(",", ":")))
    lines.insert(120, json.dumps({**invoices[120], "id": "in_demotest", "livemode": False}, separators=(",", ":")))
    (folder / "invoices.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_survey(folder):
    names = ["StartDate", "EndDate", "Status", "Progress", "Finished", "RecordedDate", "ResponseId", "RecipientEmail",
             "ExternalReference", "DistributionChannel", "UserLanguage", "Q1_NPS_GROUP", "Q1", "Q1_TEXT", "AccountId",
             "Wave"]
    texts = ["Start Date", "End Date", "Response Type", "Progress", "Finished", "Recorded Date", "Response ID",
             "Recipient Email", "External Data Reference", "Distribution Channel", "User Language",
             "How likely are you to recommend our partner programme\nto a colleague? - Group",
             "How likely are you to recommend our partner programme\nto a colleague?", "What is the main reason?",
             "AccountId", "Wave"]
    zone = {"timeZone": "America/New_York"}
    ids = [json.dumps({"ImportId": name[0].lower() + name[1:], **(zone if name.endswith("Date") else {})},
                      separators=(",", ":")) for name in names]
    comments = ["Great support", "Deal registration is quick", "", "", "Portal is hard to search", "More leads, please"]
    rows = []
    for wave, first in [("2025-Q1", "2025-03-10"), ("2025-Q3", "2025-09-08"), ("2026-Q1", "2026-03-09")]:
        for index, partner in enumerate(PARTNERS):
            if day(partner[7]) > day(first):
                continue
            happy = {"Platinum": 9, "Gold": 8, "Silver": 7}[partner[2]]
            for person in range(7 if index == 0 else 4):
                score = max(0, min(10, happy + rng.choice([-3, -1, 0, 0, 1, 1, 2])))
                group = 3 if score >= 9 else 2 if score >= 7 else 1
                moment = dt.datetime.fromisoformat(first) + dt.timedelta(days=rng.randint(0, 12), hours=rng.randint(9, 17),
                                                                         minutes=rng.randint(0, 59))
                account = partner_id(index) if person % 2 == 0 else ""
                rows.append([moment, moment, 0, 100, 1, moment, "", f"person{person}@{partner[1]}", "", "email", "EN",
                             group, score, rng.choice(comments), account, wave])
    rows[12][11:13] = ["", 11]  # bad on purpose: no such score
    rows[25][11] = 1 if rows[25][12] >= 7 else 3  # bad on purpose: the group contradicts the score
    rows[33][2] = 1  # a preview, left out by rule
    rows[40][3:5] = [40, 0]  # unfinished, left out by rule
    for number, row in enumerate(rows):
        row[6] = f"R_{number + 1:015d}"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([names, texts, ids])
    writer.writerows([[as_time(cell) if isinstance(cell, dt.datetime) else cell for cell in row] for row in rows])
    (folder / "partner_nps.csv").write_text(out.getvalue(), encoding="utf-8")


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "exports"
    folders = {name: root / name for name in ("salesforce", "stripe", "survey")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    deals = make_deals()
    write_accounts(folders["salesforce"])
    write_deals(folders["salesforce"], deals)
    write_leads_and_cases(folders["salesforce"], deals)
    write_stripe(folders["stripe"], deals)
    write_survey(folders["survey"])


if __name__ == "__main__":
    main()
