-- For wrk: sends so many requests at once (`wrk -s pipeline.lua URL -- 16`), and counts each answer.

local batch

function init(args)
  batch = string.rep(wrk.format(), tonumber(args[1]))
end

function request()
  return batch
end
