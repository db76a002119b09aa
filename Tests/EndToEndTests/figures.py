#!/usr/bin/env python3
"""Computes the figures of the examples from their input, by other means than SQL, in the form that the examples print.

  figures.py access-log|earthquakes|flights FILE
"""
import collections, datetime, json, re, sys

kind, path = sys.argv[1], sys.argv[2]
utc = datetime.timezone.utc


def number(value):
    """A double as the examples print it."""
    return repr(float(value))


if kind == "access-log":
    line_form = re.compile(r'^(\S+) \S+ \S+ \[([^\]]+)\] "(.*?)" (\d{3}) (\S+)')
    request_form = re.compile(r'^([A-Z]+) ([^ "]+)')
    windows, pages = collections.defaultdict(lambda: [0, 0]), collections.Counter()
    for line in open(path, encoding="utf-8", errors="replace"):
        match = line_form.match(line)
        when = datetime.datetime.strptime(match[2], "%d/%b/%Y:%H:%M:%S %z")
        start = int(when.timestamp()) // 300 * 300 * 1000
        entry = windows[(int(match[4]), start)]
        entry[0] += 1
        entry[1] += int(match[5]) if match[5].isdigit() else 0
        request = request_form.match(match[3])
        if request:
            pages[request[2]] += 1
    print("Windows of five minutes by status:")
    totals = collections.defaultdict(lambda: [0, 0, 0])
    for (status, _), (requests, size) in windows.items():
        total = totals[status]
        total[0] += 1
        total[1] += requests
        total[2] += size
    for status in sorted(totals):
        print(",".join(str(x) for x in [status] + totals[status]))
    print("The first windows of status 200:")
    for start in sorted(start for status, start in windows if status == 200)[:5]:
        print(",".join(str(x) for x in [start] + windows[(200, start)]))
    print("Top pages:")
    top = sorted(((n, page) for page, n in pages.items() if n > 100), key=lambda entry: (-entry[0], entry[1]))
    for n, page in top[:10]:
        print("%d,%s" % (n, page))
elif kind == "earthquakes":
    quakes = [json.loads(line) for line in open(path, encoding="utf-8")]
    networks = collections.defaultdict(list)
    for quake in quakes:
        networks[quake["net"]].append(quake)

    def strongest(group):
        sizes = [quake["mag"] for quake in group if quake["mag"] is not None]
        return number(max(sizes)) if sizes else ""

    print("Quakes and the strongest, by network:")
    for net in sorted(networks):
        print("%s,%d,%s" % (net, len(networks[net]), strongest(networks[net])))
    print("Deeper than 300 km:")
    for quake in quakes:
        position = quake["position"]
        if position["depth"] is not None and position["depth"] > 300:
            print("%s,%s,%s,%s" % (quake["id"], number(quake["mag"]), number(position["depth"]), number(position["lat"])))
    print("Swarms of 40 quakes or more: network, start, end, quakes, strongest:")
    for net in sorted(networks):
        session = []
        for quake in sorted(networks[net], key=lambda quake: quake["time"]) + [None]:
            if session and (quake is None or quake["time"] - session[-1]["time"] > 3_600_000):
                if len(session) >= 40:
                    print("%s,%d,%d,%d,%s" % (net, session[0]["time"], session[-1]["time"], len(session), strongest(session)))
                session = []
            session.append(quake)
else:
    flights = [json.loads(line) for line in open(path, encoding="utf-8")]
    origins, days = collections.defaultdict(lambda: [0, 0, -10**9]), collections.defaultdict(lambda: [0, 0])
    for flight in flights:
        entry = origins[flight["origin"]]
        entry[0] += 1
        entry[1] += flight["delay"]
        entry[2] = max(entry[2], flight["delay"])
        when = datetime.datetime.strptime(flight["date"], "%Y/%m/%d %H:%M").replace(tzinfo=utc)
        if when < datetime.datetime(2001, 1, 8, tzinfo=utc) and flight["origin"] == "DTW":
            day = days[int(when.timestamp()) // 86400 * 86400 * 1000]
            day[0] += 1
            day[1] += flight["delay"]
    print("Origins with most minutes of delay: origin, flights, minutes, worst:")
    for origin, (n, minutes, worst) in sorted(origins.items(), key=lambda item: (-item[1][1], item[0]))[:10]:
        print("%s,%d,%d,%d" % (origin, n, minutes, worst))
    print("Average delay from DTW:")
    print(number(origins["DTW"][1] / origins["DTW"][0]))
    print("DTW day by day: start of the day, flights, minutes:")
    for day in sorted(days):
        print("%d,%d,%d" % (day, days[day][0], days[day][1]))
