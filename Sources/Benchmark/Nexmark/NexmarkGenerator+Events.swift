// One event of each kind as a line of JSON. What is drawn at random is drawn in the order of the generator in Python.

extension NexmarkGenerator {
    mutating func appendPerson(to bytes: inout [UInt8]) {
        let name = Words.firstNames[random.below(Words.firstNames.count)] + " " + Words.lastNames[random.below(Words.lastNames.count)]
        let start = random.below(NexmarkTexts.poolSize)
        let mail = texts.pool[start..<start + 7].map(underlined) + Array("@".utf8)
            + texts.pool[start + 7..<start + 12].map(underlined) + Array(".com".utf8)
        let card = (0..<4).map { _ in fourDigits(random.below(10_000)) }.joined(separator: " ")
        let city = Words.cities[random.below(Words.cities.count)]
        let state = Words.states[random.below(Words.states.count)]
        let used = 8 + name.utf8.count + mail.count + card.utf8.count + city.utf8.count + state.utf8.count
        append("{\"id\":", NexmarkModel.firstID + epoch, to: &bytes)
        append(",\"name\":\"", name.utf8, to: &bytes)
        append("\",\"email_address\":\"", mail, to: &bytes)
        append("\",\"credit_card\":\"", card.utf8, to: &bytes)
        append("\",\"city\":\"", city.utf8, to: &bytes)
        append("\",\"state\":\"", state.utf8, to: &bytes)
        append("\",\"date_time\":", NexmarkModel.time(ofEvent: epoch * NexmarkModel.epoch), to: &bytes)
        append(",\"extra\":\"", padding(NexmarkModel.personBytes, without: used), to: &bytes)
        bytes.append(contentsOf: "\"}".utf8)
    }

    mutating func appendAuction(to bytes: inout [UInt8]) {
        let time = NexmarkModel.time(ofEvent: epoch * NexmarkModel.epoch + NexmarkModel.persons + place)
        let isHot = random.next() < NexmarkModel.hotSeller
        let seller = isHot ? epoch / NexmarkModel.hotStride * NexmarkModel.hotStride : somePerson()
        let first = price()
        let reserve = first + price()
        let name = letters(least: 3, more: 17)
        let text = letters(least: 3, more: 97)
        let expires = time + 1 + Int(random.next() * 2 * Double(NexmarkModel.horizon))
        let category = NexmarkModel.firstCategory + random.below(NexmarkModel.categories)
        append("{\"id\":", NexmarkModel.firstID + epoch * NexmarkModel.auctions + place, to: &bytes)
        append(",\"item_name\":\"", name, to: &bytes)
        append("\",\"description\":\"", text, to: &bytes)
        append("\",\"initial_bid\":", first, to: &bytes)
        append(",\"reserve\":", reserve, to: &bytes)
        append(",\"date_time\":", time, to: &bytes)
        append(",\"expires\":", expires, to: &bytes)
        append(",\"seller\":", NexmarkModel.firstID + seller, to: &bytes)
        append(",\"category\":", category, to: &bytes)
        append(",\"extra\":\"", padding(NexmarkModel.auctionBytes, without: 8 + name.count + text.count + 8 * 6), to: &bytes)
        bytes.append(contentsOf: "\"}".utf8)
    }

    mutating func appendBid(to bytes: inout [UInt8]) {
        let last = epoch * NexmarkModel.auctions + NexmarkModel.auctions - 1
        let firstOpen = max(last - NexmarkModel.openAuctions, 0)
        let auction =
            random.next() < NexmarkModel.hotAuction
            ? last / NexmarkModel.hotStride * NexmarkModel.hotStride : firstOpen + random.below(last - firstOpen + 1 + NexmarkModel.lead)
        let bidder =
            random.next() < NexmarkModel.hotBidder ? epoch / NexmarkModel.hotStride * NexmarkModel.hotStride + 1 : somePerson()
        let drawn = random.next()
        let channel =
            drawn < 0.5 ? texts.hotChannels[Int(drawn * 8)] : texts.channels[Int((drawn - 0.5) * 2 * Double(NexmarkTexts.channelCount))]
        // The low bits of the same draw give the length.
        let place = random.next() * Double(NexmarkTexts.poolSize)
        let start = Int(place)
        let wanted = NexmarkModel.bidBytes - 32
        let spread = Int(Double(wanted) * 0.2 + 0.5)
        let count = wanted - spread + Int((place - Double(start)) * Double(2 * spread))
        let number = epoch * NexmarkModel.epoch + NexmarkModel.persons + NexmarkModel.auctions + self.place
        append("{\"auction\":", NexmarkModel.firstID + auction, to: &bytes)
        append(",\"bidder\":", NexmarkModel.firstID + bidder, to: &bytes)
        append(",\"price\":", price(), to: &bytes)
        append(",\"channel\":", channel, to: &bytes)
        append(",\"date_time\":", NexmarkModel.time(ofEvent: number), to: &bytes)
        append(",\"extra\":\"", texts.pool[start..<start + count], to: &bytes)
        bytes.append(contentsOf: "\"}".utf8)
    }
}

private func append(_ name: String, _ number: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: String(number).utf8)
}

private func append(_ name: String, _ text: some Collection<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: text)
}

private func underlined(_ letter: UInt8) -> UInt8 { letter == 0x20 ? 0x5F : letter }

private func fourDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 4 - digits.count) + digits
}

private enum Words {
    static let states = ["AZ", "CA", "ID", "OR", "WA", "WY"]
    static let cities = [
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne",
    ]
    static let firstNames = ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"]
    static let lastNames = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"]
}
