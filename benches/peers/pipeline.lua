-- For wrk: sends N requests at once (`wrk -s pipeline.lua URL -- 16`) and counts each response.

local batch

function init(args)
  batch = string.rep(wrk.format(), tonumber(args[1]))
end

function request()
  return batch
end
