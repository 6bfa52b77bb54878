# The edge in Varnish 7, on any host: remembers for seconds what the door decided, and pages.
#
#   request -> the decision for this path and these cookies (a HEAD to a door, kept for seconds)
#           -> the page of that variant (a GET with this reader's cookies, kept by variant)
#
# Nothing is decided here. A page is kept under a variant only if the door said, with that very
# answer, that the bytes are of that variant. Both are purged by key as soon as anything changes
# (EDGE_PURGE_URLS), and end by themselves after ten seconds where a purge was lost.
#
# Needs varnish-modules (xkey, header) and the parameters in the file `options`; TRUSTED_PROXIES
# must name this host. See deploy/README.md.

vcl 4.1;

import header;
import std;
import xkey;

backend door {
    .host = "127.0.0.1";
    .port = "8000";
}

# Who may purge: the hosts of the magazine.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.restarts > 0) {
        if (req.http.X-Standfirst-Asks == "page") {
            return (hash);
        }
        return (pass);
    }

    # A request that came through another proxy of this host must not pass for one of ours.
    if (req.method == "PURGE") {
        if (client.ip !~ purgers || req.http.X-Forwarded-For ~ ",") {
            return (synth(403, "Not for you"));
        }
        set req.http.X-Standfirst-Purged = xkey.purge(req.http.xkey);
        return (synth(200, "Purged"));
    }

    # What only we may say. Varnish has already appended the reader to whatever X-Forwarded-For the
    # reader sent: one address stays, the one at the other end of the connection.
    header.regsub(req, "^(?i)x-standfirst-[^:]*:.*$", "X-Standfirst-Dropped: 1");
    unset req.http.X-Standfirst-Dropped;
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Proto = "http";
    if (std.port(local.ip) == 443) {
        set req.http.X-Forwarded-Proto = "https";
    }

    # Where anything is in doubt, the door is asked, and nothing remembered.
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.http.Authorization || req.http.User-Agent ~ "(?i)bot|crawl|spider") {
        return (pass);
    }
    if (req.url ~ "^/(account|newsroom|media|static|join|choose|healthz)(/|$|\?)") {
        return (pass);
    }
    if (req.url ~ "^/library/.") {
        return (pass); // a search, with badges of this reader's own, its feed, or suggestions
    }
    if (req.url ~ "^/all-access/\?.*(next|currency|price)=") {
        return (pass); // made for one reader
    }
    if (req.url !~ "^/[A-Za-z0-9_./-]*(\?|$)" || req.url ~ "^[^?]*(//|/\.)") {
        return (pass);
    }
    if (req.url ~ "\?.*page=" && req.url !~ "^[^?]*\?page=[1-9][0-9]{0,4}$") {
        return (pass);
    }
    if (req.http.Accept-Encoding ~ "(?i)q\s*=\s*0(\.0*)?\s*(,|$)") {
        return (pass);
    }

    # As the door chooses; it is asked for the same.
    if (req.http.Accept-Encoding ~ "(?i)(^|,)\s*br\s*(;|,|$)") {
        set req.http.Accept-Encoding = "br";
    } else if (req.http.Accept-Encoding ~ "(?i)(^|,)\s*zstd\s*(;|,|$)") {
        set req.http.Accept-Encoding = "zstd";
    } else if (req.http.Accept-Encoding ~ "(?i)(^|,)\s*gzip\s*(;|,|$)") {
        set req.http.Accept-Encoding = "gzip";
    } else {
        unset req.http.Accept-Encoding;
    }

    # As the door names a page: no page reads anything but `page`.
    set req.http.X-Standfirst-Page = req.url;
    if (req.url !~ "\?page=") {
        set req.http.X-Standfirst-Page = regsub(req.url, "\?.*", "");
    }
    # Who has none of these is a visitor, like all others.
    if (req.http.Cookie ~ "sessionid|strip|pass") {
        set req.http.X-Standfirst-Reader = req.http.Cookie;
    }
    set req.http.X-Standfirst-Asks = "decision";
    return (hash);
}

sub vcl_hash {
    hash_data(req.http.X-Standfirst-Asks);
    hash_data(req.http.host);
    hash_data(req.http.X-Standfirst-Page);
    hash_data(req.http.Accept-Encoding);
    if (req.http.X-Standfirst-Asks == "page") {
        hash_data(req.http.X-Standfirst-Variant);
    } else {
        hash_data(req.http.X-Standfirst-Reader);
    }
    return (lookup);
}

sub vcl_backend_fetch {
    if (bereq.http.X-Standfirst-Asks == "decision" && !bereq.uncacheable) {
        set bereq.method = "HEAD";
    }
    # Kept for the answer, not for the door.
    set bereq.http.X-Standfirst-Edge = "1";
    return (fetch);
}

sub vcl_backend_response {
    if (bereq.uncacheable) {
        return (deliver);
    }
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    if (beresp.status != 200 || !beresp.http.X-Standfirst-Variant || beresp.http.Set-Cookie) {
        if (bereq.http.X-Standfirst-Asks == "decision") {
            # For a second, what these cookies get at this path is passed on at once.
            unset beresp.http.X-Standfirst-Variant;
            unset beresp.http.Set-Cookie;
            set beresp.ttl = 1s;
            return (deliver);
        }
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
    set beresp.http.xkey = "* " + beresp.http.Surrogate-Key;
    if (bereq.http.X-Standfirst-Asks == "decision") {
        if (beresp.http.X-Standfirst-Member != "-") {
            set beresp.http.xkey = beresp.http.xkey + " members member:"
                + regsub(beresp.http.X-Standfirst-Member, ":.*", "");
        }
    } else if (beresp.http.X-Standfirst-Variant != bereq.http.X-Standfirst-Variant) {
        # This reader's own answer, but not the page that was asked for.
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
    # All that the bytes depend on is in the hash; with Cookie in Vary each reader would have a
    # copy of their own. Browsers are told again.
    set beresp.http.X-Standfirst-Vary = beresp.http.Vary;
    unset beresp.http.Vary;
    set beresp.ttl = std.time(beresp.http.X-Standfirst-Until, now) - now;
    if (beresp.ttl > 10s) {
        set beresp.ttl = 10s;
    }
    return (deliver);
}

sub vcl_deliver {
    if (req.http.X-Standfirst-Asks == "decision") {
        set req.http.X-Standfirst-Asks = "nothing";
        if (resp.http.X-Standfirst-Variant) {
            set req.http.X-Standfirst-Asks = "page";
            set req.http.X-Standfirst-Variant = resp.http.X-Standfirst-Variant;
        }
        return (restart);
    }
    if (obj.hits > 0) {
        std.log("edge:remembered");
    }
    if (resp.http.X-Standfirst-Vary) {
        set resp.http.Vary = resp.http.X-Standfirst-Vary;
        unset resp.http.X-Standfirst-Vary;
    }
    unset resp.http.X-Standfirst-Variant;
    unset resp.http.X-Standfirst-Until;
    unset resp.http.X-Standfirst-Member;
    unset resp.http.Surrogate-Key;
    unset resp.http.xkey;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    unset resp.http.Age;
    return (deliver);
}

sub vcl_synth {
    if (req.http.X-Standfirst-Purged) {
        set resp.http.Purged = req.http.X-Standfirst-Purged;
    }
    return (deliver);
}
