-- q20, expand bid with auction: the bids on auctions of one category, with what is offered. A bid on an auction that is not
-- open yet finds none; Nexmark, which keeps all bids for that, would find it later.
CREATE STREAM q20 WITH (RETENTION_MS=-1) AS
  SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.date_time AS bid_time, b.extra AS bid_extra,
    a.item_name, a.description, a.initial_bid, a.reserve, a.date_time AS auction_time, a.expires, a.seller, a.category,
    a.extra AS auction_extra
  FROM bid b JOIN auction a ON b.auction = a.id
  WHERE a.category = 10;
