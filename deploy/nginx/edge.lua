-- The edge in nginx, on the same host as the doors: remembers what the door said, byte for byte.
--
--   request -> key -> a remembered decision (whose page, until when) -> its page -> the answer
--
-- Nothing is decided here. A decision is remembered under everything that the door looked at (host,
-- path, Accept-Encoding, Cookie: the very strings that nginx sends it), and counts only as long as
-- this host's file of generations, which the door looks at too, says that nothing has changed. A
-- page is kept under the validator that the door gave it, and only decisions lead to it.

local ffi = require "ffi"

ffi.cdef [[
int open(const char *path, int flags, ...);
int close(int file);
int stat(const char *path, void *into);
void *mmap(void *at, size_t length, int protection, int flags, int file, long offset);
int munmap(void *at, size_t length);
]]

local LONGEST = 60 -- seconds that anything is remembered, whatever the door says
local LOOK_EVERY = 0.1 -- seconds between two looks whether the file was replaced
local MOST_DECISIONS = 100000 -- in each worker process of nginx
local MOST_BYTES = 64 * 1024 * 1024 -- of pages, in each worker
local LARGEST_PAGE = 1024 * 1024
local LONGEST_COOKIE = 4096

-- As in src/standfirst/reading/generations.py.
local SLOTS, SIZE = 65536, (8 + 65536) * 8
local MAGIC = 0x3153544652444E53ULL
local EPOCH, PAGES, NEXT, ALL, FIRST = 1, 2, 3, 4, 8

local edge = {}

-- What is remembered --------------------------------------------------------------------------

-- Two halves: what was not asked for while the young one filled up is forgotten.
local function memory(limit)
    local young, old, used = {}, {}, 0
    local function put(name, thing)
        if used + thing.size > limit / 2 then
            young, old, used = {}, young, 0
        end
        young[name], used = thing, used + thing.size
    end
    local function get(name)
        local thing = young[name]
        if thing == nil then
            thing = old[name]
            if thing then
                put(name, thing)
            end
        end
        return thing
    end
    return { get = get, put = put }
end

local decisions, pages, pages_seen

local function forget()
    decisions, pages = memory(MOST_DECISIONS), memory(MOST_BYTES)
end

-- The file of generations ---------------------------------------------------------------------

local file, numbers, epoch, inode, look_again = nil, nil, nil, nil, 0
local about = ffi.new "uint64_t[32]" -- struct stat of 64-bit Linux: [1] is the inode, [6] the size

function edge.use(path)
    file = path
end

local function close()
    forget()
    if numbers then
        ffi.C.munmap(ffi.cast("void *", numbers), SIZE)
    end
    numbers, inode = nil, nil
end

local function open()
    local opened = ffi.C.open(file, 0)
    if opened < 0 then
        return
    end
    local mapped = ffi.C.mmap(nil, SIZE, 1, 1, opened, 0) -- to read, shared
    ffi.C.close(opened)
    if ffi.cast("intptr_t", mapped) ~= -1 then
        numbers = ffi.cast("const volatile uint64_t *", mapped)
        inode, epoch = about[1], tostring(numbers[EPOCH]):match "%d+"
    end
end

-- The number of dropped pages; nothing where nothing is sure.
local function look()
    local now = ngx.now()
    if now >= look_again then
        look_again = now + LOOK_EVERY
        -- Reading beyond the end of a file that was cut short would end this process.
        local there = ffi.C.stat(file, about) == 0 and about[6] >= SIZE
        if numbers and not (there and about[1] == inode) then
            close()
        end
        if there and not numbers then
            open()
        end
    end
    if not numbers or numbers[0] ~= MAGIC then
        return nil
    end
    local count = tonumber(numbers[PAGES])
    if count ~= pages_seen then
        forget()
        pages_seen = count
    end
    return count
end

-- Generations.holds
local function holds(it)
    return it.epoch == epoch
        and tonumber(numbers[FIRST + it.slot]) <= it.generation
        and tonumber(numbers[ALL]) <= it.generation
        and it.generation <= tonumber(numbers[NEXT])
end

-- Requests ------------------------------------------------------------------------------------

-- Path and query as the door names a page (`key_of`); nothing for what may mean two things.
local function page_of(uri)
    local path, query = uri, nil
    local mark = uri:find("?", 1, true)
    if mark then
        path, query = uri:sub(1, mark - 1), uri:sub(mark + 1)
    end
    if path:find "[^%w/_.-]" or path:find("//", 1, true) or path:find("/.", 1, true) then
        return nil
    end
    if (query and path == "/library/") or path:find "^/library/." then
        return nil -- a search, with badges of this reader's own, its feed, or suggestions
    end
    if query and path == "/all-access/" then
        for _, name in ipairs { "next=", "currency=", "price=" } do
            if query:find(name, 1, true) then
                return nil -- made for one reader
            end
        end
    end
    if query and query:find("page=", 1, true) then
        return query:find "^page=[1-9]%d?%d?%d?%d?$" and uri or nil
    end
    return path
end

local function is_visitors(cookie)
    return not (
        cookie:find("sessionid", 1, true)
        or cookie:find("strip", 1, true)
        or cookie:find("pass", 1, true)
    )
end

-- Everything that the door looks at, as one string; nothing where the door must be asked.
local function key()
    local var = ngx.var
    local page = page_of(var.request_uri)
    local cookie = var.http_cookie or ""
    if not page or #cookie > LONGEST_COOKIE then
        return nil
    end
    if cookie ~= "" and is_visitors(cookie) then
        cookie = ""
    end
    local agent = (var.http_user_agent or ""):lower()
    if agent:find("bot", 1, true) or agent:find("crawl", 1, true) or agent:find("spider", 1, true) then
        return nil
    end
    local accepted = var.http_accept_encoding or ""
    return page .. "\n" .. (var.http_host or "") .. "\n" .. accepted .. "\n" .. cookie
end

local function remembered(name)
    local it = decisions.get(name)
    if it and it.ends > ngx.now() and (not it.slot or holds(it)) then
        return pages.get(it.page)
    end
end

-- content_by_lua: answer from memory, or have the door asked.
function edge.answer()
    local method = ngx.req.get_method()
    if method == "GET" or method == "HEAD" then
        local count = look()
        local name = count and key()
        if name then
            local page = remembered(name)
            if page then
                local header = ngx.header
                for n = 1, #page.names do
                    header[page.names[n]] = page.values[n]
                end
                header["Content-Length"] = #page.body
                ngx.var.edge_said = "remembered"
                if method == "GET" then
                    ngx.print(page.body)
                end
                return
            end
            ngx.var.edge_key, ngx.var.edge_count = name, count
        end
    end
    -- What only we may say; the door believes x-standfirst-edge from nobody else.
    for name in pairs(ngx.req.get_headers(0)) do
        if name:find("^x%-standfirst%-") then
            ngx.req.clear_header(name)
        end
    end
    ngx.exec("@door")
end

-- Answers of the door -------------------------------------------------------------------------

-- Fields that belong to one answer or connection.
local NOT_KEPT = {
    connection = true, date = true, server = true, ["keep-alive"] = true,
    ["transfer-encoding"] = true, ["content-length"] = true,
}

-- header_filter_by_lua: remember what the door says of a request whose key is known.
function edge.learn()
    local var = ngx.var
    local name, count = var.edge_key, tonumber(var.edge_count)
    local variant, etag = var.upstream_http_x_standfirst_variant, var.upstream_http_etag
    local ends = tonumber(var.upstream_http_x_standfirst_until)
    local member = var.upstream_http_x_standfirst_member
    if name == "" or not (variant and etag and ends and member) then
        return
    end
    if var.upstream_http_set_cookie or (ngx.status ~= 200 and ngx.status ~= 304) then
        return
    end
    local it = { ends = math.min(ends, ngx.now() + LONGEST), size = 1 }
    if member ~= "-" then
        local slot, generation, its_epoch = member:match "^(%d+):(%d+):(%d+)$"
        slot = tonumber(slot)
        if not slot or slot >= SLOTS then
            return
        end
        it.slot, it.generation, it.epoch = slot, tonumber(generation), its_epoch
    end
    it.page = name:match "^[^\n]*" .. "\n" .. variant .. "\n" .. etag
    -- The count was read before the door was asked: what was dropped meanwhile is not remembered.
    if look() == count then
        decisions.put(name, it)
        if ngx.status == 200 and ngx.req.get_method() == "GET" then
            ngx.ctx.page = { name = it.page, count = count, parts = {}, size = 0 }
        end
    end
end

-- body_filter_by_lua: keep the page of such an answer, once it is whole.
function edge.keep()
    local page = ngx.ctx.page
    if not page then
        return
    end
    local part = ngx.arg[1]
    page.parts[#page.parts + 1] = part
    page.size = page.size + #part
    if page.size > LARGEST_PAGE then
        ngx.ctx.page = nil
    elseif ngx.arg[2] then
        ngx.ctx.page = nil
        local body = table.concat(page.parts)
        if #body ~= tonumber(ngx.var.upstream_http_content_length) or look() ~= page.count then
            return
        end
        local names, values = {}, {}
        for name, value in pairs(ngx.resp.get_headers(0)) do
            if not NOT_KEPT[name] then
                names[#names + 1], values[#values + 1] = name, value
            end
        end
        pages.put(page.name, { names = names, values = values, body = body, size = #body + 2000 })
    end
end

forget()
return edge
