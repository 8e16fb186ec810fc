/** The words that generate-data.ts makes names of. */

const list = (words: string): string[] => words.trim().split(/,\s+/)

export const cities = list(`
  Aarhus DK, Adelaide AU, Antwerp BE, Bergen NO, Bilbao ES, Bristol GB, Cork IE, Curitiba BR, Daegu KR,
  Denver US, Gdansk PL, Graz AT, Halifax CA, Izmir TR, Kampala UG, Kyoto JP, Lausanne CH, Leipzig DE,
  Nantes FR, Porto PT, Pune IN, Rotterdam NL, Tampere FI, Valparaiso CL, Wellington NZ
`).map((city) => ({ name: city.slice(0, -3), country: city.slice(-2) }))

export const trades = list(`
  Analytics, Architects, Biotech, Books, Bridges, Brewery, Ceramics, Clinics, Coffee, Design, Energy,
  Ferries, Films, Foods, Freight, Games, Insurance, Legal, Optics, Robotics, Software, Textiles, Trams,
  Travel
`)

export const firstNames = list(`
  Ada, Aiko, Amara, Anders, Anil, Astrid, Beatriz, Bruno, Chiara, Daniel, Elif, Emeka, Eva, Fatima, Felix,
  Grace, Hana, Hugo, Ines, Ivan, Jonas, Julia, Kaito, Karin, Lars, Leila, Lucas, Maja, Marco, Mei, Miguel,
  Nadia, Nils, Noor, Olga, Oscar, Paula, Priya, Rafael, Rosa, Samir, Sanna, Selma, Simon, Sofia, Tariq,
  Thea, Tomas, Vera, Yusuf
`)

export const lastNames = list(`
  Achebe, Almeida, Andersen, Becker, Bianchi, Bjork, Castro, Chen, Dubois, Eriksen, Fischer, Garcia, Haddad,
  Hansen, Horvat, Ito, Jansen, Jensen, Kaya, Keller, Kim, Kowalski, Laine, Larsen, Lopez, Martin, Mehta,
  Meyer, Moreau, Murphy, Nakamura, Nguyen, Novak, Okafor, Olsen, Patel, Pereira, Petrov, Ramos, Rossi,
  Santos, Sato, Schmidt, Silva, Singh, Smith, Suzuki, Tanaka, Vermeer, Yilmaz
`)

export const projectThemes = list(`
  Accessibility review, Annual report, Brand refresh, Customer portal, Data warehouse, Depot automation,
  Energy audit, Field trial, Hiring round, Intranet, Invoice migration, Mobile app, New headquarters,
  Onboarding, Partner programme, Payroll change, Price model, Quality handbook, Security review,
  Support desk, Trade fair, Training week, Warehouse move, Website
`)

export const taskActions = list(`
  Agree, Approve, Book, Check, Compare, Describe, Draft, Estimate, Fix, Measure, Order, Plan, Present,
  Publish, Rehearse, Replace, Review, Schedule, Sign, Test, Translate, Update
`)

export const taskObjects = list(`
  access rights, agenda, backup, budget, catering, checklist, contract, dashboard, data model, delivery,
  demo, error pages, export, floor plan, forecast, glossary, guest list, interview guide, invoice template,
  labels, landing page, logo, meeting room, newsletter, offer, photo shoot, press release, price list,
  prototype, questionnaire, release notes, risk list, search index, sensor kit, slide deck, spare parts,
  supplier list, timeline, training plan, visitor badge
`)
