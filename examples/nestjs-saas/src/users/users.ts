import { Inject, Injectable, NotFoundException } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { Repository } from 'typeorm'
import { hashPassword } from '../access/password.ts'
import type { UserClaims } from '../access/tokens.ts'
import { CONFIGURATION, type Configuration } from '../configuration.ts'
import type { Page } from '../page.ts'
import type { NewUser, UserData } from './user-data.ts'
import { User } from './user.entity.ts'

@Injectable()
export class Users {
  readonly #users: Repository<User>
  readonly #passwordCost: number

  constructor(
    @InjectRepository(User) users: Repository<User>,
    @Inject(CONFIGURATION) { passwordCost }: Configuration,
  ) {
    this.#users = users
    this.#passwordCost = passwordCost
  }

  async list({ skip, take }: Page): Promise<UserData[]> {
    const users = await this.#users.find({ order: { email: 'ASC' }, skip, take })
    return users.map(toData)
  }

  async create({ password, ...values }: NewUser): Promise<UserData> {
    const passwordHash = await hashPassword(password, this.#passwordCost)
    return toData(await this.#users.save({ ...values, passwordHash }))
  }

  async remove(id: string): Promise<void> {
    const { affected } = await this.#users.delete({ id })
    if (affected === 0) throw new NotFoundException('There is no such user.')
  }

  /** Whether what a token says is true still: of a user that is there, with the role. */
  isCurrent({ sub, role }: UserClaims): Promise<boolean> {
    return this.#users.existsBy({ id: sub, role })
  }
}

function toData({ id, email, name, role }: User): UserData {
  return { id, email, name, role }
}
